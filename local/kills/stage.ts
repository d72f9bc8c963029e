import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { type SimulatedGateway, startGateway } from '../gateway/gateway.ts';
import { generatePortfolio } from '../gateway/generator.ts';
import type { Portfolio } from '../gateway/portfolio.ts';
import { BridgeProcess } from '../run/bridge-process.ts';
import { type CloudPart, startCloudPart } from '../run/cloud-part.ts';
import { seedRegistry, strategiesOfCondors } from '../run/seed.ts';
import { StateDirectory } from '../run/state-directory.ts';
import { Keeper } from '../week/keeper.ts';
import { DRAIN, HASTE, PORTFOLIO, RESTART_MS } from './profile.ts';

const CLIENT_ID = 101;

/** The whole path, with a bridge that is started again whenever it ends. */
export interface Stage extends AsyncDisposable {
  readonly portfolio: Portfolio;
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly gateway: SimulatedGateway;
  readonly keeper: Keeper;
}

/** @throws LocalFault when something on this machine is missing; by then nothing of it is left */
export async function setStage(options: {
  readonly seed: number;
  readonly keep: boolean;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<Stage> {
  const { seed, keep, say, signal } = options;
  await using stack = new AsyncDisposableStack();
  const path = mkdtempSync(join(tmpdir(), 'slotwise-kills-'));
  stack.defer(() => {
    if (keep) say(`kept: ${path}`);
    else rmSync(path, { recursive: true, force: true });
  });
  const directory = stack.use(await StateDirectory.take(path, { fresh: false }));
  const cloudPart = stack.use(await startCloudPart({ directory, overrides: { drain: DRAIN }, say, signal }));
  const { bridge, cloud } = cloudPart;
  const portfolio = generatePortfolio({ seed, ...PORTFOLIO });
  const gateway = stack.use(await startGateway({ portfolio, seed }));
  await seedRegistry(cloudPart.store, strategiesOfCondors(portfolio.condors));
  const relativeDir = join('bridge', bridge);
  const stateDir = directory.file(relativeDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const environment = {
    PATH: process.env.PATH,
    ...cloud.env(`bridge-${bridge}`),
    ...HASTE,
    SLOTWISE_BRIDGE: bridge,
    SLOTWISE_STATE_DIR: stateDir,
    SLOTWISE_OUTPUTS: directory.file(LOCAL_RUN.outputsFile),
    SLOTWISE_GATEWAY_HOST: gateway.host,
    SLOTWISE_GATEWAY_PORT: String(gateway.port),
    SLOTWISE_GATEWAY_CLIENT_ID: String(CLIENT_ID),
  };
  const logFile = join(stateDir, 'bridge.log');
  const keeper = stack.use(
    new Keeper({
      spawn: () => BridgeProcess.spawn({ environment, logFile }),
      restartMs: RESTART_MS,
      onPresence: ({ identity, statusUrl }) =>
        directory.update({
          children: [
            ...cloud.processes,
            ...(identity === undefined ? [] : [{ name: 'bridge', ...identity }]),
          ],
          gateway: { host: gateway.host, port: gateway.port, simulated: true },
          bridges: [{ id: bridge, stateDir: relativeDir, ...(statusUrl === undefined ? {} : { statusUrl }) }],
        }),
    }),
  );
  keeper.start();
  const open = stack.move();
  return {
    portfolio,
    directory,
    cloudPart,
    gateway,
    keeper,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
