import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openOutbox } from '../../../bridge/outbox/outbox.ts';
import { drafts } from '../../support/drafts.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { CAN_MOUNT, smallDisk } from '../../support/small-disk.ts';

const MIB = 1024 * 1024;
const BACKOFF = { firstMs: 5, maxMs: 20 } as const;

async function open(path: string) {
  const log = recordingLog();
  const outbox = await openOutbox({ path, bridge: 'home', log, backoff: BACKOFF });
  onTestFinished(() => outbox.close());
  return { outbox, log, events: () => log.entries.map(({ event }) => event) };
}

// It takes a file system that can be filled: root on Linux may mount one.
describe.skipIf(!CAN_MOUNT)('a full disk', () => {
  it('is answered with retry and shown; nothing is lost, and it goes on by itself when there is room', async () => {
    const disk = smallDisk(6 * MIB);
    const { outbox, events } = await open(join(disk.directory, 'outbox.db'));
    await outbox.append(drafts(100));
    disk.fill();
    let accepted = 100;
    const fault = await eventually(async () => {
      try {
        await outbox.append(drafts(50));
        accepted += 50;
        return undefined;
      } catch (cause) {
        return cause;
      }
    });
    expect(fault).toMatchObject({
      disposition: 'retry',
      message: expect.stringContaining('free some space'),
    });
    await expect(outbox.append(drafts(2000))).rejects.toMatchObject({ disposition: 'retry' });
    expect(await outbox.status()).toMatchObject({
      produced: accepted,
      depth: accepted,
      notWritten: 2,
      fault: expect.stringContaining('disk is full'),
    });
    expect(events().filter((event) => event === 'outbox-not-writing')).toHaveLength(1);

    disk.free();
    await outbox.append(drafts(50));
    expect(await outbox.status()).toMatchObject({ produced: accepted + 50, depth: accepted + 50 });
    expect((await outbox.status()).fault).toBeUndefined();
    expect(events().filter((event) => event === 'outbox-writing')).toHaveLength(1);
    const pending = await outbox.peek({ count: 10_000, maxBytes: 1e9 });
    const seqs = pending.map(({ body }) => JSON.parse(body).seq as number).toReversed();
    expect(seqs).toEqual(Array.from({ length: accepted + 50 }, (_, index) => index + 1));
  });

  it('is no reason not to start: what waits can be read, and the first thing that fits has its epoch', async () => {
    const disk = smallDisk(6 * MIB);
    const path = join(disk.directory, 'outbox.db');
    const first = await open(path);
    await first.outbox.append(drafts(20));
    await first.outbox.close();
    disk.fill();
    const second = await open(path);
    expect(await second.outbox.peek({ count: 100, maxBytes: 1e9 })).toHaveLength(20);
    await expect(second.outbox.append(drafts(2000))).rejects.toMatchObject({ disposition: 'retry' });
    disk.free();
    await second.outbox.append(drafts(3));
    await second.outbox.close();
    const { opening } = (await open(path)).outbox;
    expect(opening).toMatchObject({
      cause: 'start',
      predecessor: { epoch: second.outbox.epoch, seq: 3 },
      depth: 23,
    });
    expect(second.outbox.opening.predecessor).toEqual({ epoch: first.outbox.epoch, seq: 20 });
  });

  it('is waited for where there is no outbox yet, and said once', async () => {
    const disk = smallDisk(6 * MIB);
    disk.fill();
    const log = recordingLog();
    const opening = openOutbox({
      path: join(disk.directory, 'outbox.db'),
      bridge: 'home',
      log,
      backoff: BACKOFF,
    });
    await eventually(() => log.entries.some(({ event }) => event === 'outbox-waiting'));
    disk.free();
    const outbox = await opening;
    onTestFinished(() => outbox.close());
    await outbox.append(drafts(1));
    expect(log.entries.map(({ event }) => event)).toEqual(['outbox-waiting', 'outbox-opened']);
    expect(log.entries[0]?.fields.fault).toContain('has space');
  });
});
