import { Command } from 'commander';
import type { Strategy } from '../../shared/strategy.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withExpectVersion, withJson, withShowAccounts, withTarget } from '../options.ts';
import { sameAccount } from '../output/account.ts';
import { note, print, printJson } from '../output/print.ts';
import type { RegistryStore } from '../registry/store.ts';
import { describeTarget, type TargetOptions } from '../target.ts';

interface ReadOptions extends TargetOptions {
  readonly json?: boolean;
  readonly showAccounts?: boolean;
}

interface ChangeOptions extends TargetOptions {
  readonly expectVersion?: number;
  readonly json?: boolean;
}

/** `slotwise registry`: reads and changes the strategies, wherever they are kept. */
export function registryCommand(): Command {
  const registry = new Command('registry').description('read and change the strategies').addHelpText(
    'after',
    `
Examples:
  $ slotwise registry list
  $ slotwise registry show spy-condor --history
  $ slotwise registry show spy-condor --json > condor.json     edit it, then
  $ slotwise registry put condor.json                          refused if somebody changed it meanwhile
  $ slotwise registry deactivate spy-condor qqq-condor         polled from now on, their lines are free`,
  );
  withShowAccounts(withJson(withTarget(registry.command('list'))))
    .description('list the strategies')
    .option('--account <account>', 'only those of this account')
    .option('--all', 'closed ones too')
    .action(list);
  withShowAccounts(withJson(withTarget(registry.command('show <id>'))))
    .description('show one strategy with its legs')
    .option('--history', 'every version of it, and what it changed')
    .action(show);
  withExpectVersion(withJson(withTarget(registry.command('put <file>'))))
    .description('write a strategy, or an array of them, from a JSON file ("-" reads standard input)')
    .option('--restore', 'the file is a backup: write it over whatever is there, closed strategies too')
    .addHelpText('after', PUT_HELP)
    .action(put);
  const changes: readonly Change[] = [
    ['activate', 'let strategies stream', (store, id, options) => store.setStatus(id, 'ACTIVE', options)],
    ['deactivate', 'poll strategies only', (store, id, options) => store.setStatus(id, 'INACTIVE', options)],
    ['close', 'end strategies: they hold nothing any more', (store, id, options) => store.close(id, options)],
    [
      'remove',
      'remove strategies that should not be there',
      (store, id, options) => store.remove(id, options),
    ],
  ];
  for (const [name, description, apply] of changes) {
    withExpectVersion(withJson(withTarget(registry.command(`${name} <id...>`))))
      .description(description)
      .action((ids: string[], options: ChangeOptions) => changeAll(ids, options, apply));
  }
  return registry;
}

type Change = readonly [
  name: string,
  description: string,
  apply: (
    store: RegistryStore,
    id: string,
    options: { readonly expectedVersion?: number; readonly signal: AbortSignal },
  ) => Promise<Strategy>,
];

const PUT_HELP = `
A strategy:
  {
    "id": "spy-condor", "account": "DU1234567", "status": "ACTIVE", "priority": 5,
    "legs": [{ "conId": 728937835, "quantity": "-3", "openPrice": "1.25" }]
  }
status ACTIVE wants lines, INACTIVE is polled; priority 1 is served first; a leg of quantity "0" is watched: streamed
with its strategy and owned by nobody. "tags" and "rolledFrom" may be given. Where the file states a "version", as
\`registry show --json\` prints it, the strategy must still be at it. A backup is what \`registry list --json\` prints:
--restore takes it back, and leaves alone what it does not name.`;

async function list(options: ReadOptions & { account?: string; all?: boolean }): Promise<void> {
  const { strategyTable } = await import('../registry/view.ts');
  const strategies = await withStore(options, async (store) => store.list());
  const ofAccount = strategies.filter(
    (strategy) => options.account === undefined || sameAccount(strategy.account, options.account),
  );
  const shown = ofAccount.filter((strategy) => options.all === true || strategy.closedAt === undefined);
  if (options.json) return printJson(shown);
  print(shown.length === 0 ? 'no strategies' : strategyTable(shown, options.showAccounts === true));
  const hidden = ofAccount.length - shown.length;
  if (hidden > 0) note(`${hidden} closed, not shown: --all`);
}

async function show(id: string, options: ReadOptions & { history?: boolean }): Promise<void> {
  const { UnknownStrategy } = await import('../registry/errors.ts');
  const { historyTable, strategyDetails } = await import('../registry/view.ts');
  const showAccounts = options.showAccounts === true;
  await withStore(options, async (store) => {
    if (options.history) {
      const versions = await store.history(id);
      if (versions.length === 0) throw new UnknownStrategy(id);
      if (options.json) printJson(versions);
      else print(historyTable(versions, showAccounts));
      return;
    }
    const strategy = await store.get(id);
    if (strategy === undefined) throw new UnknownStrategy(id);
    if (options.json) printJson(strategy);
    else print(strategyDetails(strategy, showAccounts));
  });
}

async function put(file: string, options: ChangeOptions & { restore?: boolean }): Promise<void> {
  const { readInputs } = await import('../registry/input.ts');
  const isBackup = options.restore === true;
  if (isBackup && options.expectVersion !== undefined) {
    throw new CommandFailure(
      EXIT.usage,
      '--restore writes over any version: leave it out, or leave out --expect-version',
    );
  }
  const inputs = await readInputs(file);
  refuseSharedVersion(options, inputs.length);
  await withStore(options, async (store, signal) => {
    await announce(inputs, options, ({ input, version }) =>
      store.put(input, {
        ...(isBackup ? { reopens: true } : expecting(options.expectVersion ?? version)),
        signal,
      }),
    );
  });
}

async function changeAll(ids: readonly string[], options: ChangeOptions, apply: Change[2]): Promise<void> {
  refuseSharedVersion(options, ids.length);
  await withStore(options, async (store, signal) => {
    await announce(ids, options, (id) => apply(store, id, { ...expecting(options.expectVersion), signal }));
  });
}

/** One after the other: what was written is said at once, so that a failure half-way leaves no doubt. */
async function announce<Item>(
  items: readonly Item[],
  options: ChangeOptions,
  write: (item: Item) => Promise<Strategy>,
): Promise<void> {
  const place = describeTarget(targetOf(options));
  const written: Strategy[] = [];
  try {
    for (const item of items) {
      const strategy = await write(item);
      written.push(strategy);
      if (!options.json) print(`${summary(strategy)} (${place})`);
    }
  } catch (error) {
    await showCurrent(error);
    throw error;
  } finally {
    if (options.json) printJson(written);
  }
}

function summary(strategy: Strategy): string {
  const ended = strategy.deletedAt !== undefined ? 'removed' : 'closed';
  const state = (strategy.deletedAt ?? strategy.closedAt) ? ended : strategy.status;
  return `${strategy.id} is ${state}: version ${strategy.version}, registry ${strategy.registryVersion}`;
}

/** A refusal shows what is there now: the next thing that anybody asks. */
async function showCurrent(error: unknown): Promise<void> {
  const { StaleVersion } = await import('../registry/errors.ts');
  if (!(error instanceof StaleVersion) || error.current === undefined) return;
  const { strategyDetails } = await import('../registry/view.ts');
  note(strategyDetails(error.current, false));
}

function refuseSharedVersion(options: ChangeOptions, count: number): void {
  if (options.expectVersion === undefined || count === 1) return;
  throw new CommandFailure(EXIT.usage, '--expect-version is for one strategy: name one, or leave it out');
}

function expecting(version: number | undefined): { readonly expectedVersion?: number } {
  return version === undefined ? {} : { expectedVersion: version };
}

async function withStore<T>(
  options: TargetOptions,
  run: (store: RegistryStore, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const target = targetOf(options);
  const [{ openCloud }, { RegistryStore }] = await Promise.all([
    import('../cloud.ts'),
    import('../registry/store.ts'),
  ]);
  return interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    return await run(
      new RegistryStore({ client: cloud.documents, table: cloud.outputs.registryTable }),
      signal,
    );
  });
}
