import { closeSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OutboxStore } from '../../bridge/outbox/store.ts';
import { drafts } from '../support/drafts.ts';
import { eventually } from '../support/eventually.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { type BridgeChild, startChild } from './child.ts';
import { type Deployment, deploy } from './running.ts';

/** Nobody listens there: what these tests are about needs no gateway. */
const NO_GATEWAY = '1';

describe('the file of the outbox, as a bridge finds it', () => {
  let services: TestServices;
  let deployment: Deployment;
  let stateDir: string;
  let path: string;
  let starts: number;

  beforeAll(async () => {
    services = await startServices();
  });
  afterAll(() => services?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await services.reset();
    deployment = await deploy(services);
    stateDir = join(deployment.directory, 'state');
    path = join(stateDir, 'outbox.db');
    starts = 0;
  });

  function start(): BridgeChild {
    starts += 1;
    return startChild(deployment, {
      logFile: join(deployment.directory, `bridge-${starts}.log`),
      settings: {
        SLOTWISE_STATE_DIR: stateDir,
        SLOTWISE_GATEWAY_PORT: NO_GATEWAY,
        SLOTWISE_HEARTBEAT_PERIOD_MS: '500',
      },
    });
  }

  const saying = (bridge: BridgeChild, event: string) =>
    eventually(() => bridge.logged().find((entry) => entry.event === event), { what: event });

  it('that is torn under it ends it; the next start moves it aside and goes on under a new epoch', async () => {
    const store = new OutboxStore({ path, bridge: 'home' });
    // More than the page cache holds, so that they are read from the disk.
    for (let round = 0; round < 10; round += 1) store.append(drafts(1000, 1 + 1000 * round));
    store.close();
    services.refuse('sqs', () => true);
    const first = start();
    const { outbox } = await first.until(
      ({ outbox: now }) => now.lastFault !== undefined,
      'the cloud is away',
    );
    expect(outbox.depth).toBeGreaterThanOrEqual(10_000);
    for (const name of [path, `${path}-wal`]) {
      const file = openSync(name, 'r+');
      writeSync(file, Buffer.alloc(Math.max(0, statSync(name).size - 4096), 0x5a), 0, null, 4096);
      closeSync(file);
    }
    services.refuse('sqs', undefined);
    expect(await first.ended).toEqual({ code: 1, signal: null });
    expect(first.logged()).toContainEqual(
      expect.objectContaining({ event: 'outbox-failed', fault: expect.stringContaining('torn') }),
    );

    const second = start();
    const again = await second.until(({ outbox: now }) => now.quarantined === 1, 'it is counted');
    expect(again.outbox.epoch > outbox.epoch).toBe(true);
    expect(second.logged()).toContainEqual(
      expect.objectContaining({
        event: 'outbox-quarantined',
        predecessor: { epoch: outbox.epoch, seq: expect.any(Number) },
      }),
    );
    expect(readdirSync(stateDir).filter((name) => /corrupt-\d+$/.test(name))).toHaveLength(1);
    second.requestStop();
    expect(await second.ended).toEqual({ code: 0, signal: null });
  });

  it('that another bridge has is waited for, by name, and taken over when that one has ended', async () => {
    const first = start();
    const { pid } = await first.until(() => true, 'the first');
    const second = start();
    const { fault } = await saying(second, 'outbox-waiting');
    // Linux alone says who has it.
    const holder = process.platform === 'linux' ? `another process (pid ${pid})` : 'another process';
    expect(fault).toContain(`in use by ${holder}: stop the other bridge`);
    first.requestStop();
    await first.ended;
    expect((await second.until(() => true, 'the second')).pid).not.toBe(pid);
  });

  it('that another bridge keeps is no reason not to stop when asked to', async () => {
    const first = start();
    await first.until(() => true, 'the first');
    const second = start();
    await saying(second, 'outbox-waiting');
    second.requestStop();
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(second.logged().at(-1)).toMatchObject({ event: 'bridge-stopped' });
  });

  it('of a newer version ends it with 2, which no supervisor starts again, and is not touched', async () => {
    new OutboxStore({ path, bridge: 'home' }).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const bridge = start();
    expect(await bridge.ended).toEqual({ code: 2, signal: null });
    expect(bridge.logged().at(-1)).toMatchObject({
      event: 'bridge-failed',
      fault: expect.stringContaining('upgrade the bridge'),
    });
    expect(readdirSync(stateDir).filter((name) => name.includes('corrupt'))).toEqual([]);
  });
});
