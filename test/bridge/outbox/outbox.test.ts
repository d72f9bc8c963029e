import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { OutboxFault } from '../../../bridge/outbox/fault.ts';
import { openOutbox } from '../../../bridge/outbox/outbox.ts';
import { testDirectory } from '../../support/directory.ts';
import { draft, drafts } from '../../support/drafts.ts';
import { recordingLog } from '../../support/log.ts';

const BACKOFF = { firstMs: 5, maxMs: 20 } as const;

async function open(path: string, options: Partial<Parameters<typeof openOutbox>[0]> = {}) {
  const log = recordingLog();
  const outbox = await openOutbox({ path, bridge: 'home', log, backoff: BACKOFF, ...options });
  onTestFinished(() => outbox.close());
  return { outbox, log };
}

describe('the outbox in its thread', () => {
  it('resolves when a snapshot is on disk, and wakes who sends', async () => {
    const { outbox } = await open(join(testDirectory(), 'outbox.db'));
    const woken = new Promise<void>((resolve) => outbox.onAccepted(resolve));
    await outbox.append(drafts(3));
    await woken;
    const pending = await outbox.peek({ count: 10, maxBytes: 1_000_000 });
    expect(pending).toHaveLength(3);
    expect(pending[0]?.body).toContain(`"id":"home:${outbox.epoch}:3"`);
    await outbox.acknowledge(pending.map(({ key }) => key));
    expect(await outbox.status()).toMatchObject({ epoch: outbox.epoch, produced: 3, depth: 0, bytes: 0 });
  });

  it('rejects what it cannot accept and goes on', async () => {
    const { outbox } = await open(join(testDirectory(), 'outbox.db'));
    await expect(outbox.append([draft({ observedAt: 'yesterday' })])).rejects.toMatchObject({
      name: 'OutboxFault',
      disposition: 'drop',
      message: expect.stringContaining('observedAt'),
    });
    await outbox.append(drafts(1));
    expect(await outbox.status()).toMatchObject({ produced: 1 });
  });

  it('keeps its numbers in the order of the calls', async () => {
    const { outbox } = await open(join(testDirectory(), 'outbox.db'));
    await Promise.all(Array.from({ length: 50 }, (_, index) => outbox.append(drafts(2, 1 + 2 * index))));
    const pending = await outbox.peek({ count: 1000, maxBytes: 10_000_000 });
    const conIds = pending.map(({ body }) => JSON.parse(body).contract.conId);
    expect(conIds).toEqual(Array.from({ length: 100 }, (_, index) => 100 - index));
  });

  it('refuses more calls than its bound instead of growing', async () => {
    const { outbox } = await open(join(testDirectory(), 'outbox.db'));
    const calls = await Promise.allSettled(Array.from({ length: 400 }, () => outbox.append(drafts(1))));
    const rejected = calls.filter((call) => call.status === 'rejected');
    expect(rejected.length).toBeGreaterThan(0);
    expect(rejected[0]).toMatchObject({ reason: { disposition: 'retry' } });
    expect(await outbox.status()).toMatchObject({ produced: 400 - rejected.length });
  });

  it('says that another process has the file', async () => {
    const path = join(testDirectory(), 'outbox.db');
    await open(path);
    await expect(open(path, { lockedDeadlineMs: 0 })).rejects.toMatchObject({
      disposition: 'fatal',
      message: expect.stringContaining('in use by another process'),
    });
  });

  it('rejects everything and reports once when its file fails under it', async () => {
    const path = join(testDirectory(), 'outbox.db');
    const faults: OutboxFault[] = [];
    const { outbox, log } = await open(path, { onFault: (fault) => void faults.push(fault) });
    for (let index = 0; index < 10; index += 1) await outbox.append(drafts(500));
    for (const name of [path, `${path}-wal`]) {
      const file = openSync(name, 'r+');
      writeSync(file, Buffer.alloc(statSync(name).size - 4096, 0x5a), 0, null, 4096);
      closeSync(file);
    }
    const limit = { count: 100_000, maxBytes: Number.MAX_SAFE_INTEGER };
    const calls = await Promise.allSettled([outbox.peek(limit), outbox.append(drafts(1)), outbox.status()]);
    expect(calls.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ disposition: 'fatal' });
    expect(log.entries.filter(({ event }) => event === 'outbox-failed')).toHaveLength(1);
    await expect(outbox.append(drafts(1))).rejects.toBe(faults[0]);

    const again = await open(path);
    expect(again.outbox.opening).toMatchObject({
      cause: 'quarantined',
      predecessor: { epoch: outbox.epoch, seq: expect.any(Number) },
    });
    expect(again.log.entries.map(({ event }) => event)).toContain('outbox-quarantined');
  });

  it('says that its marker is gone: then a file that was put back could not be told', async () => {
    const path = join(testDirectory(), 'outbox.db');
    const first = await open(path);
    await first.outbox.close();
    rmSync(`${path}.marker`);
    const { outbox, log } = await open(path);
    expect(outbox.opening).toMatchObject({ cause: 'start', predecessor: { epoch: first.outbox.epoch } });
    expect(log.entries.map(({ event }) => event)).toEqual(['outbox-marker-missing', 'outbox-opened']);
    expect(first.log.entries.map(({ event }) => event)).toEqual(['outbox-opened']);
  });

  it('tells once when its bound is reached and once when it is left, and how full it is', async () => {
    const { outbox, log } = await open(join(testDirectory(), 'outbox.db'), { maxBytes: 20_000 });
    for (let round = 0; round < 10; round += 1) await outbox.append(drafts(5));
    const full = await outbox.status();
    expect(full).toMatchObject({ maxBytes: 20_000, dropped: expect.any(Number) });
    expect(full.dropped).toBeGreaterThan(0);
    expect(full.bytes).toBeLessThanOrEqual(20_000);
    await outbox.acknowledge((await outbox.peek({ count: 10, maxBytes: 1e6 })).map(({ key }) => key));
    await outbox.status();
    await outbox.status();
    expect(log.entries.map(({ event }) => event)).toEqual([
      'outbox-opened',
      'outbox-at-bound',
      'outbox-below-bound',
    ]);
  });

  it('accepts nothing after close, and closes twice without harm', async () => {
    const { outbox } = await open(join(testDirectory(), 'outbox.db'));
    const last = outbox.append(drafts(1));
    await outbox.close();
    await last;
    await outbox.close();
    await expect(outbox.append(drafts(1))).rejects.toMatchObject({ disposition: 'fatal' });
  });
});
