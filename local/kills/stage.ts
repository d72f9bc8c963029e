import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SimulatedGateway, startGateway } from '../gateway/gateway.ts';
import { generatePortfolio } from '../gateway/generator.ts';
import type { Portfolio } from '../gateway/portfolio.ts';
import { type CloudPart, startCloudPart } from '../run/cloud-part.ts';
import { seedRegistry, strategiesOfCondors } from '../run/seed.ts';
import { StateDirectory } from '../run/state-directory.ts';
import type { Keeper } from '../week/keeper.ts';
import { bridgeDirectory, keptBridge } from '../week/kept-bridge.ts';
import { DRAIN, HASTE, PORTFOLIO, RESTART_MS } from './profile.ts';

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
  const portfolio = generatePortfolio({ seed, ...PORTFOLIO });
  const gateway = stack.use(await startGateway({ portfolio, seed }));
  await seedRegistry(cloudPart.store, strategiesOfCondors(portfolio.condors));
  const stateDir = directory.file(bridgeDirectory(cloudPart.bridge));
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const keeper = stack.use(
    keptBridge({
      directory,
      cloudPart,
      gateway,
      settings: HASTE,
      logFile: join(stateDir, 'bridge.log'),
      restartMs: RESTART_MS,
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
