import { relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sleep } from '../../bridge/wait.ts';
import { EXIT } from '../../cli/failure.ts';
import { DEFAULT_DIR } from '../../cli/target.ts';
import type { StrategyInput } from '../../shared/strategy.ts';
import { runActivity, untilStreaming } from './activity.ts';
import { type BridgePart, startBridgePart } from './bridge-part.ts';
import { fetchWatched } from './bridge-watch.ts';
import { closeBooks } from './closing.ts';
import { type CloudPart, startCloudPart } from './cloud-part.ts';
import { Ending } from './ending.ts';
import { type GatewayPart, startGatewayPart } from './gateway-part.ts';
import type { LocalOptions } from './options.ts';
import { type Origin, originOf, writeOrigin } from './origin.ts';
import { RegistrySwitch } from './registry-switch.ts';
import { closingReport, remarks } from './report.ts';
import { renderReport } from './report-text.ts';
import { readStrategies, seedRegistry, strategiesOfCondors } from './seed.ts';
import { StateDirectory } from './state-directory.ts';
import { Terminal } from './terminal.ts';
import { renderLine, renderView } from './view.ts';
import { Watch } from './watch.ts';

const LOOK_PERIOD_MS = 1000;
/** Where nothing can be drawn over, a line now and then has to do. */
const LOOKS_PER_LINE = 5;
const RESTORE_DEADLINE_MS = 5000;

interface Parts {
  readonly gateway: GatewayPart;
  readonly cloudPart: CloudPart;
  readonly bridge: BridgePart;
  readonly watch: Watch;
  /** Absent with a gateway of the user's own: nobody switches a trader's strategies for show. */
  readonly registry: RegistrySwitch | undefined;
}

/**
 * Runs the whole system on this machine until it is asked to end, or `--for` is over, and prints the closing report.
 * @returns the exit code: 0 balanced, 1 not, 130 asked to end before it was up
 * @throws LocalFault with the remedy when it cannot start; by then nothing of it is left
 */
export async function runLocal(options: LocalOptions): Promise<number> {
  const terminal = new Terminal({ json: options.json });
  const say = (text: string) => terminal.say(text);
  let killBridge = () => {};
  using ending = new Ending({
    onSecond: () => {
      killBridge();
      terminal.endView();
      process.exit(EXIT.interrupted);
    },
  });
  using directory = await StateDirectory.take(options.dir, { fresh: options.fresh });
  await using stack = new AsyncDisposableStack();
  let parts: Parts;
  try {
    parts = await startParts({ options, directory, stack, say, signal: ending.signal });
  } catch (cause) {
    if (!ending.signal.aborted) throw cause;
    say('ended before it was up');
    return EXIT.interrupted;
  }
  killBridge = () => parts.bridge.supervisor.kill();
  sayWhere(parts, options, say);

  const failure = await live({ parts, options, terminal, ending });
  terminal.endView();
  await leaveAsFound(parts, say);
  const { supervisor } = parts.bridge;
  const latenciesMs = parts.registry?.latenciesMs ?? [];
  const measured = await closeBooks({ directory, ...parts, latenciesMs, say });
  const report = closingReport(measured);
  for (const remark of remarks(measured)) say(remark);
  if (supervisor.restarts > 0) say(`restarts of the bridge: ${supervisor.restarts}`);
  await stack.disposeAsync();
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else say(renderReport(report));
  return report.balanced && failure === undefined ? EXIT.ok : EXIT.failed;
}

async function startParts(context: {
  readonly options: LocalOptions;
  readonly directory: StateDirectory;
  readonly stack: AsyncDisposableStack;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<Parts> {
  const { options, directory, stack, say, signal } = context;
  const origin = originOf(directory, options);
  const { registryFile } = options;
  const given = registryFile === undefined ? undefined : await readStrategies(registryFile);
  const gateway = stack.use(await startGatewayPart({ directory, choice: options.gateway, say }));
  const cloudPart = stack.use(await startCloudPart({ directory, say, signal }));
  let statusUrl: () => string | undefined = () => undefined;
  const registry =
    gateway.simulated === undefined
      ? undefined
      : new RegistrySwitch({
          store: cloudPart.store,
          requests: gateway.simulated,
          noteFile: directory.file('switched-off.json'),
          watched: () => fetchWatched(statusUrl()),
        });
  await beginRegistry({ directory, origin, given, gateway, cloudPart, registry, say });
  say('starting the bridge');
  const bridge = stack.use(await startBridgePart({ directory, cloudPart, gateway, say, signal }));
  statusUrl = () => bridge.statusUrl;
  return {
    gateway,
    cloudPart,
    bridge,
    registry,
    watch: new Watch({ cloudPart, gateway, bridge, onFault: say }),
  };
}

/** The first run writes the strategies to begin with; from then on the registry is its users' own. */
async function beginRegistry(context: {
  readonly directory: StateDirectory;
  readonly origin: Origin;
  readonly given: readonly StrategyInput[] | undefined;
  readonly gateway: GatewayPart;
  readonly cloudPart: CloudPart;
  readonly registry: RegistrySwitch | undefined;
  readonly say: (text: string) => void;
}): Promise<void> {
  const { directory, origin, given, gateway, cloudPart, registry, say } = context;
  if (origin.isSeeded) {
    if (given !== undefined) {
      say(
        'the registry has strategies of an earlier run: --registry is left alone (use `slotwise registry put`)',
      );
    }
    const restored = await registry?.restore();
    if (restored !== undefined)
      say(`${restored.id} is active again: the last run ended while it was switched off`);
    return;
  }
  const strategies = given ?? strategiesOfCondors(gateway.condors);
  const written = await seedRegistry(cloudPart.store, strategies);
  writeOrigin(directory, { ...origin, isSeeded: true });
  say(
    written === 0
      ? 'the registry is empty: nothing streams until `slotwise registry put` brings a strategy'
      : `registry: ${written} strategies to begin with`,
  );
}

/** @returns why the run failed; undefined when it simply ended */
async function live(context: {
  readonly parts: Parts;
  readonly options: LocalOptions;
  readonly terminal: Terminal;
  readonly ending: Ending;
}): Promise<string | undefined> {
  const { parts, options, terminal, ending } = context;
  const { watch, bridge, gateway, cloudPart, registry } = parts;
  const over = new AbortController();
  const signal = AbortSignal.any([ending.signal, over.signal]);
  const tell = (news: string) => {
    if (terminal.isLive) watch.addNews(news);
    else terminal.say(news);
  };
  let failure: string | undefined;
  void bridge.supervisor.gaveUp.then((reason) => {
    failure = reason;
    terminal.say(reason);
    over.abort();
  });

  const activity =
    registry === undefined || gateway.simulated === undefined
      ? Promise.resolve()
      : runActivity({
          gateway: gateway.simulated,
          store: cloudPart.store,
          registry,
          flips: options.flips,
          forMs: options.forMs,
          random: Math.random,
          say: tell,
          signal,
        }).catch((cause: unknown) => {
          if (!signal.aborted) tell(`the registry was not changed: ${(cause as Error).message}`);
        });
  const time = options.forMs === undefined ? undefined : delay(options.forMs, undefined, { signal });
  time
    ?.then(() => (options.flips > 0 ? activity : undefined))
    .then(() => over.abort())
    .catch(() => undefined);

  const startedMs = performance.now();
  for (let looks = 0; !signal.aborted; looks += 1) {
    await watch.look();
    const elapsedMs = performance.now() - startedMs;
    const remainingMs = options.forMs === undefined ? undefined : Math.max(0, options.forMs - elapsedMs);
    const state = watch.state(elapsedMs, remainingMs);
    if (terminal.isLive) terminal.show(renderView(state, terminal.width));
    else if (looks % LOOKS_PER_LINE === 0) terminal.show(renderLine(state));
    await sleep(LOOK_PERIOD_MS, signal);
  }
  await activity;
  return failure;
}

/** A demonstration that the end cuts short must not leave a strategy off. */
async function leaveAsFound(
  { registry, gateway, cloudPart }: Parts,
  say: (text: string) => void,
): Promise<void> {
  if (registry === undefined || gateway.simulated === undefined) return;
  try {
    if ((await registry.restore()) === undefined) return;
    const { store } = cloudPart;
    await untilStreaming({ gateway: gateway.simulated, store, deadlineMs: RESTORE_DEADLINE_MS });
  } catch (cause) {
    say(`a strategy that the demonstration switched off stays off: ${(cause as Error).message}`);
  }
}

function sayWhere(parts: Parts, options: LocalOptions, say: (text: string) => void): void {
  const { gateway, bridge } = parts;
  const nearby = relative(process.cwd(), options.dir);
  const dir = nearby.startsWith('..') ? options.dir : nearby || '.';
  const where = dir === DEFAULT_DIR ? '' : ` --dir ${dir}`;
  const kind = gateway.simulated === undefined ? 'your own' : 'simulated';
  say(`
  gateway     ${gateway.host}:${gateway.port} (${kind})
  live page   ${bridge.statusUrl ?? 'not up'}
  state       ${options.dir}
  look at it  npx slotwise lines${where}
              npx slotwise positions${where}
              npx slotwise registry list${where}
              npx slotwise query${where} "select symbol, count(*) from snapshots group by all"
  end it      Ctrl-C, once: it stops in order and reports
`);
  if (gateway.simulated === undefined) {
    say('lines are counted by the bridge, not by the gateway: only a simulated one tells');
  }
}
