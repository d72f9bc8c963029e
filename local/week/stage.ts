import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { type SimulatedGateway, startGateway } from '../gateway/gateway.ts';
import type { Portfolio } from '../gateway/portfolio.ts';
import { type CloudPart, startCloudPart } from '../run/cloud-part.ts';
import { seedRegistry, strategiesOfCondors } from '../run/seed.ts';
import { StateDirectory } from '../run/state-directory.ts';
import type { Keeper } from './keeper.ts';
import { bridgeDirectory, keptBridge } from './kept-bridge.ts';
import { LogFile } from './log-file.ts';
import { environmentOf, type Timing } from './profile.ts';
import { type Disk, diskAt } from './small-disk.ts';
import { Truth } from './truth.ts';

/**
 * The account's lines as the bridge is told them, what it leaves of them to others, and what the gateway grants: more,
 * because only so does its count say who kept to the cap.
 */
export const LINES = { setting: 36, reserve: 10, cap: 26, granted: 70 } as const;

/** About a thousand snapshots, the least that the bridge takes: an outage of seconds fills it. */
const OUTBOX_MAX_BYTES = 1024 * 1024;

const TICK_PERIOD_MS = 200;

/** Everything that a week is played on. */
export interface Stage extends AsyncDisposable {
  readonly portfolio: Portfolio;
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly gateway: SimulatedGateway;
  readonly keeper: Keeper;
  readonly disk: Disk;
  readonly truth: Truth;
  readonly bridgeLog: LogFile;
  readonly cloudLog: LogFile;
}

/** @throws LocalFault when something on this machine is missing; by then nothing of it is left */
export async function setStage(options: {
  readonly portfolio: Portfolio;
  readonly timing: Timing;
  readonly seed: number;
  readonly keep: boolean;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<Stage> {
  const { portfolio, timing, seed, keep, say, signal } = options;
  await using stack = new AsyncDisposableStack();
  const path = mkdtempSync(join(tmpdir(), 'slotwise-week-'));
  stack.defer(() => {
    if (keep) say(`kept: ${path}`);
    else rmSync(path, { recursive: true, force: true });
  });
  const directory = stack.use(await StateDirectory.take(path, { fresh: false }));
  const overrides = { drain: timing.drain };
  const cloudPart = stack.use(await startCloudPart({ directory, overrides, say, signal }));
  const gateway = stack.use(
    await startGateway({
      portfolio,
      seed,
      linesCap: LINES.granted,
      // As for an account that has no more lines than the bridge is told: IB's own rate for everybody.
      messagesPerSecondMax: 50,
      tickPeriodMs: TICK_PERIOD_MS,
      snapshotMs: timing.world.snapshotMs,
    }),
  );
  await seedRegistry(cloudPart.store, strategiesOfCondors(portfolio.condors));
  const truth = new Truth();
  truth.note(Date.now(), gateway.portfolio.positions);

  const stateDir = directory.file(bridgeDirectory(cloudPart.bridge));
  mkdirSync(directory.file('logs'));
  const logFile = directory.file('logs', 'bridge.log');
  const disk = stack.use(diskAt(stateDir, { keep, logFile, pid: () => keeper.lives.at(-1)?.pid }));
  const keeper: Keeper = stack.use(
    keptBridge({
      directory,
      cloudPart,
      gateway,
      settings: {
        ...environmentOf(timing),
        SLOTWISE_LINES_CAP: String(LINES.setting),
        SLOTWISE_LINES_RESERVE: String(LINES.reserve),
        SLOTWISE_OUTBOX_MAX_BYTES: String(OUTBOX_MAX_BYTES),
      },
      logFile,
      restartMs: timing.world.restartMs,
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
    disk,
    truth,
    bridgeLog: new LogFile(logFile),
    cloudLog: new LogFile(directory.file(LOCAL_RUN.awsDirectory, 'cloud.log')),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
