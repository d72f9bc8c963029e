import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readEpochs } from '../../bridge/outbox/epochs.ts';
import { startGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { strategiesOfCondors } from '../../local/run/seed.ts';
import { bridgeStatusSchema } from '../../shared/status.ts';
import { eventually } from '../support/eventually.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { CAN_MOUNT, smallDisk } from '../support/small-disk.ts';
import { startChild } from './child.ts';
import { type Deployment, deploy, run } from './running.ts';

const MIB = 1024 * 1024;
const ACCOUNT = 'DU1111111';
const portfolio = generatePortfolio({ seed: 5, positions: 12, condors: 1, accounts: [ACCOUNT] });
const [strategy] = strategiesOfCondors(portfolio.condors);
if (strategy === undefined) throw new Error('a condor is expected');

// It takes a file system that can be filled: root on Linux may mount one.
describe.skipIf(!CAN_MOUNT)('a bridge whose disk is full', () => {
  let services: TestServices;
  let deployment: Deployment;

  beforeAll(async () => {
    services = await startServices();
  });
  afterAll(() => services?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await services.reset();
    deployment = await deploy(services);
  });

  it('streams on, says so with the remedy, tears no file, and records again when there is room', async () => {
    const gateway = await startGateway({ portfolio, tickPeriodMs: 20, snapshotMs: 50 });
    onTestFinished(() => gateway.stop());
    await deployment.registry.put(strategy);
    const disk = smallDisk(8 * MIB);
    const stateDir = join(disk.directory, 'state');
    const settings = {
      SLOTWISE_STATE_DIR: stateDir,
      SLOTWISE_HEARTBEAT_PERIOD_MS: '500',
      SLOTWISE_FEED_LAG_MAX_MS: '100',
    };
    const first = await run(deployment, gateway, settings);
    await first.until(
      ({ lines, sweeps }) => lines.streaming === strategy.legs.length && sweeps.complete > 0,
      'lines and positions',
    );
    const [statusFile, replicaFile] = ['status.json', 'replica.json'].map((name) => join(stateDir, name));
    await eventually(
      () => readdirSync(stateDir).includes('replica.json') && readdirSync(stateDir).includes('status.json'),
    );

    disk.fill();
    const [leg] = portfolio.positions;
    if (leg === undefined) throw new Error('a position is expected');
    gateway.portfolio.change({ ...leg, quantity: '77' });
    const faulty = await first.until(
      ({ outbox, sweeps }) => outbox.notWritten > 2 && sweeps.lastFault !== undefined,
      'the fault is shown',
    );
    expect(faulty.outbox.lastFault).toContain('free some space');
    const streamed = await first.until(({ ticks }) => ticks > faulty.ticks + 50, 'ticks go on');
    expect(streamed.lines.streaming).toBe(strategy.legs.length);
    // What was being replaced when the disk filled up has left some room.
    disk.fill();
    await deployment.registry.put({ ...strategy, priority: 3 }, { expectedVersion: 1 });
    await first.until(({ registry }) => registry.lastFault?.includes('replica') === true, 'the replica');
    expect(JSON.parse(readFileSync(replicaFile ?? '', 'utf8'))).toMatchObject({ contiguous: 1 });
    expect(bridgeStatusSchema.parse(JSON.parse(readFileSync(statusFile ?? '', 'utf8'))).pid).toBe(
      process.pid,
    );
    // One may be about to be removed.
    await eventually(() => readdirSync(stateDir).every((name) => !name.endsWith('.tmp')));

    disk.free();
    const well = await first.until(
      ({ outbox, registry, sweeps }) =>
        [outbox, registry, sweeps].every(({ lastFault }) => lastFault === undefined),
      'everything is well again',
    );
    expect(well.outbox.produced).toBeGreaterThan(faulty.outbox.produced);
    await eventually(async () => (await deployment.snapshots()).some(({ quantity }) => quantity === '77'));
  });

  it('lives on as a process whose log is on that disk, and after kill -9 starts on it as it is', async () => {
    const gateway = await startGateway({ portfolio, tickPeriodMs: 20, snapshotMs: 50 });
    onTestFinished(() => gateway.stop());
    await deployment.registry.put(strategy);
    const disk = smallDisk(8 * MIB);
    const stateDir = join(disk.directory, 'state');
    mkdirSync(stateDir);
    const logFile = join(disk.directory, 'bridge.log');
    const start = () =>
      startChild(deployment, {
        logFile,
        settings: {
          SLOTWISE_STATE_DIR: stateDir,
          SLOTWISE_GATEWAY_PORT: String(gateway.port),
          SLOTWISE_HEARTBEAT_PERIOD_MS: '500',
        },
      });
    const first = await start();
    await first.until(
      ({ lines, registry }) => lines.streaming === strategy.legs.length && registry.state === 'current',
      'lines',
    );
    await eventually(() => readdirSync(stateDir).includes('replica.json'));
    disk.fill();
    const faulty = await first.until(({ outbox }) => outbox.notWritten > 2, 'the fault is shown');
    await first.until(({ ticks }) => ticks > faulty.ticks + 50, 'ticks go on');
    first.kill();
    await first.ended;
    disk.fill();

    const second = await start();
    const again = await second.until(
      ({ lines, outbox }) => lines.streaming === strategy.legs.length && outbox.notWritten > 0,
      'lines and the fault, after a start on a full disk',
    );
    expect(again.outbox).toMatchObject({
      produced: 0,
      lastFault: expect.stringContaining('free some space'),
    });
    disk.free();
    await second.until(({ outbox }) => outbox.produced > 0 && outbox.lastFault === undefined, 'it records');
    second.requestStop();
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(second.logged().map(({ event }) => event)).toEqual(
      expect.arrayContaining(['outbox-writing', 'bridge-stopped']),
    );
    const epochs = readEpochs(join(stateDir, 'outbox.db'));
    expect(epochs.map(({ epoch }) => epoch)).toEqual([faulty.outbox.epoch, again.outbox.epoch]);
  });
});
