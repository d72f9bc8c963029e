import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runningFault } from '../../../bridge/outbox/database.ts';
import type { CommittedPosition } from '../../../bridge/outbox/draft.ts';
import { readEpochs } from '../../../bridge/outbox/epochs.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { decodeMessage, encodeMessage, type Message } from '../../../shared/message.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { testDirectory } from '../../support/directory.ts';
import { draft, drafts } from '../../support/drafts.ts';
import { heartbeat } from '../../support/messages.ts';

const EVERYTHING = { count: 100_000, maxBytes: Number.MAX_SAFE_INTEGER } as const;

function open(path: string, options: { bridge?: string; now?: () => Date } = {}): OutboxStore {
  const store = new OutboxStore({ path, bridge: 'home', ...options });
  onTestFinished(() => store.close());
  return store;
}

function waiting(store: OutboxStore): Message[] {
  return store.peek(EVERYTHING).map(({ body }) => {
    const decoded = decodeMessage(body);
    if (!decoded.ok) throw new Error(decoded.fault);
    return decoded.message;
  });
}

/** In the order in which they were accepted. */
const snapshots = (store: OutboxStore) =>
  waiting(store)
    .filter((message): message is Snapshot => message.kind === 'snapshot')
    .toReversed();

describe('accepting', () => {
  it('gives each snapshot its place: the epoch, and numbers from 1 without a gap', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append(drafts(3));
    store.append(drafts(2, 4));
    expect(snapshots(store).map(({ id }) => id)).toEqual(
      [1, 2, 3, 4, 5].map((seq) => `home:${store.opening.epoch}:${seq}`),
    );
    expect(store.status()).toMatchObject({ produced: 5, depth: 5 });
  });

  it('takes no number for what it refuses, and nothing of the same call', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append(drafts(1));
    const bad = draft({ quantity: '1e5' });
    const position: CommittedPosition = { ...draft(), missedSweeps: 0 };
    expect(() => store.commitPositions({ upserts: [position], removals: [] }, [draft(), bad])).toThrow(
      /draft 1 .*quantity/,
    );
    expect(store.committed().positions).toEqual([]);
    expect(store.status()).toMatchObject({ produced: 1, depth: 1 });
    store.append(drafts(1));
    expect(snapshots(store).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('is not misled by a draft that brings a place of its own', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append([{ ...draft(), seq: 99, epoch: '1785300000000-aaaaaa', bridge: 'other' } as never]);
    expect(snapshots(store)).toMatchObject([{ seq: 1, epoch: store.opening.epoch, bridge: 'home' }]);
  });

  it('escapes the characters that SQS refuses, without changing the message', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    const { contract } = draft();
    store.append([draft({ contract: { ...contract, localSymbol: 'A\uFFFE\uFFFF\u0001B' } })]);
    const [pending] = store.peek(EVERYTHING);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what SQS refuses
    expect(pending?.body).not.toMatch(/[\u0000-\u0008\uFFFE\uFFFF]/);
    expect(snapshots(store)[0]?.contract.localSymbol).toBe('A\uFFFE\uFFFF\u0001B');
  });

  it('lets only the newest heartbeat wait, before everything else', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append(drafts(1));
    store.putHeartbeat(encodeMessage(heartbeat({ at: '2026-11-20T15:00:00.000Z' })));
    store.putHeartbeat(encodeMessage(heartbeat({ at: '2026-11-20T15:01:00.000Z' })));
    expect(waiting(store)).toMatchObject([
      { kind: 'ledger', last: 1 },
      { kind: 'heartbeat', at: '2026-11-20T15:01:00.000Z' },
      { kind: 'snapshot' },
    ]);
    expect(store.status()).toMatchObject({ depth: 3, produced: 1 });
  });
});

describe('reading and letting go', () => {
  it('hands out the newest first, within count and bytes', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append([draft({ priority: 1 }), draft({ priority: 2 })]);
    store.append([draft({ priority: 1 }), draft({ priority: 2 })]);
    expect(waiting(store)).toMatchObject([{ seq: 4 }, { seq: 3 }, { seq: 2 }, { seq: 1 }]);
    expect(store.peek({ count: 3, maxBytes: 1_000_000 })).toHaveLength(3);
    const [first] = store.peek(EVERYTHING);
    const bytes = Buffer.byteLength(first?.body ?? '');
    expect(store.peek({ count: 10, maxBytes: 2 * bytes + 10 })).toHaveLength(2);
    expect(store.peek({ count: 10, maxBytes: 1 })).toHaveLength(1);
  });

  it('forgets what was acknowledged and nothing else, however often', () => {
    const store = open(join(testDirectory(), 'outbox.db'));
    store.append(drafts(4));
    const keys = store.peek({ count: 2, maxBytes: 1_000_000 }).map(({ key }) => key);
    store.acknowledge(keys);
    store.acknowledge(keys);
    expect(snapshots(store).map(({ seq }) => seq)).toEqual([1, 2]);
    const bytes = store.peek(EVERYTHING).reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
    expect(store.status()).toMatchObject({ depth: 2, bytes });
    store.acknowledge(store.peek(EVERYTHING).map(({ key }) => key));
    store.append(drafts(1));
    store.acknowledge(keys);
    expect(store.status().depth).toBe(1);
  });

  it('keeps a refused body and declares its number as a drop', () => {
    const path = join(testDirectory(), 'outbox.db');
    const store = open(path);
    store.append(drafts(3));
    const [, second] = store.peek(EVERYTHING);
    store.refuse(second?.key ?? 0, 'too large');
    const { epoch } = store.opening;
    expect(waiting(store)).toMatchObject([
      { kind: 'drop', epoch, first: 2, last: 2, reason: 'too large' },
      { kind: 'snapshot', seq: 3 },
      { kind: 'snapshot', seq: 1 },
    ]);
    store.close();
    const database = new DatabaseSync(path);
    expect(database.prepare('SELECT body FROM refused').all()).toEqual([{ body: second?.body }]);
    database.close();
  });
});

describe('the committed positions', () => {
  it('move together with their drafts and survive a new start', () => {
    const path = join(testDirectory(), 'outbox.db');
    const { contract, account, quantity, averageCost } = draft();
    const rows = [1, 2, 3].map((conId) => ({
      account,
      contract: { ...contract, conId },
      quantity,
      averageCost,
      missedSweeps: 0,
    }));
    const first = open(path);
    const sweep = { sweepId: 's1', completedAt: '2026-11-20T15:00:00.000Z', keyframe: true };
    first.commitPositions({ upserts: rows, removals: [], sweep }, drafts(3));
    const next = { sweepId: 's2', completedAt: '2026-11-20T15:00:30.000Z', keyframe: false };
    const [row] = rows;
    if (row === undefined) throw new Error('unreachable');
    const missed = { ...row, missedSweeps: 1 };
    first.commitPositions({ upserts: [missed], removals: [{ account, conId: 3 }], sweep: next }, []);
    first.close();
    expect(open(path).committed()).toEqual({
      positions: [missed, rows[1]],
      lastSweep: { sweepId: 's2', completedAt: '2026-11-20T15:00:30.000Z' },
      lastKeyframeAt: '2026-11-20T15:00:00.000Z',
    });
  });

  it('keep what a model holds beside what its account holds, and remove either alone', () => {
    const path = join(testDirectory(), 'outbox.db');
    const { contract, account, quantity, averageCost } = draft();
    const own = { account, contract, quantity, averageCost, missedSweeps: 0 };
    const ofModel = { ...own, modelCode: 'GROWTH', quantity: '5' };
    const store = open(path);
    store.commitPositions({ upserts: [own, ofModel], removals: [] }, []);
    expect(store.committed().positions).toEqual([own, ofModel]);
    store.commitPositions({ upserts: [], removals: [{ account, conId: contract.conId }] }, []);
    expect(store.committed().positions).toEqual([ofModel]);
    const gone = { account, modelCode: 'GROWTH', conId: contract.conId };
    store.commitPositions({ upserts: [], removals: [gone] }, []);
    expect(store.committed().positions).toEqual([]);
  });
});

describe('opening', () => {
  it('begins an epoch above the one before, names it, and keeps what waits', () => {
    const path = join(testDirectory(), 'outbox.db');
    const first = open(path, { now: () => new Date('2026-11-20T15:00:00Z') });
    expect(first.opening).toMatchObject({ cause: 'first', depth: 0 });
    first.append(drafts(2));
    first.close();
    const second = open(path, { now: () => new Date('2020-01-01T00:00:00Z') });
    expect(second.opening).toMatchObject({
      cause: 'start',
      predecessor: { epoch: first.opening.epoch, seq: 2 },
      depth: 2,
    });
    expect(second.opening.epoch > first.opening.epoch).toBe(true);
    second.append(drafts(1));
    expect(second.status()).toMatchObject({ produced: 1, depth: 3 });
    second.close();
    expect(readEpochs(path)).toEqual([
      { bridge: 'home', epoch: first.opening.epoch, last: 2 },
      { bridge: 'home', epoch: second.opening.epoch, last: 1 },
    ]);
  });

  it('keeps its files for their owner alone', () => {
    const directory = join(testDirectory(), 'state');
    const store = open(join(directory, 'outbox.db'));
    store.append(drafts(1));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(directory)) {
      expect([file, statSync(join(directory, file)).mode & 0o777]).toEqual([file, 0o600]);
    }
  });

  it('sees by its marker that the database came from a backup, and names what was lost', () => {
    const path = join(testDirectory(), 'outbox.db');
    const first = open(path);
    first.append(drafts(1));
    first.close();
    copyFileSync(path, `${path}.backup`);
    const second = open(path);
    second.append(drafts(5));
    second.close();
    copyFileSync(`${path}.backup`, path);
    const restored = open(path);
    expect(restored.opening).toMatchObject({
      cause: 'restored',
      predecessor: { epoch: second.opening.epoch, seq: 5 },
      depth: 1,
    });
    expect(restored.opening.epoch > second.opening.epoch).toBe(true);
  });

  it('gives no number twice when the whole directory was put back, marker included', () => {
    const directory = testDirectory();
    const state = join(directory, 'state');
    const path = join(state, 'outbox.db');
    const backup = open(path);
    backup.append(drafts(1));
    backup.close();
    cpSync(state, join(directory, 'backup'), { recursive: true });
    const lost = open(path);
    lost.append(drafts(3));
    const lostIds = snapshots(lost).map(({ id }) => id);
    lost.close();
    cpSync(join(directory, 'backup'), state, { recursive: true, force: true });
    const again = open(path);
    again.append(drafts(3));
    const fresh = snapshots(again).filter(({ epoch }) => epoch === again.opening.epoch);
    expect(fresh).toHaveLength(3);
    for (const { id } of fresh) expect(lostIds).not.toContain(id);
  });

  it.each([
    ['holds something else', (path: string) => writeFileSync(path, 'no database '.repeat(1000))],
    ['was cut off', (path: string) => truncateSync(path, statSync(path).size - 4096)],
    [
      'has torn pages',
      (path: string) => {
        const bytes = readFileSync(path);
        for (let at = 4096; at + 4096 <= bytes.length; at += 4096) bytes.fill(0x5a, at, at + 4000);
        writeFileSync(path, bytes);
      },
    ],
  ])('moves a file aside that %s, and begins a new epoch that names its predecessor', (_name, tear) => {
    const directory = testDirectory();
    const path = join(directory, 'outbox.db');
    const first = open(path);
    first.append(drafts(50));
    first.close();
    tear(path);
    const store = open(path);
    expect(store.opening).toMatchObject({
      cause: 'quarantined',
      predecessor: { epoch: first.opening.epoch, seq: 50 },
      depth: 0,
    });
    expect(readdirSync(directory).some((file) => join(directory, file) === store.opening.quarantinedAs)).toBe(
      true,
    );
    store.append(drafts(1));
    expect(snapshots(store)).toMatchObject([{ seq: 1, epoch: store.opening.epoch }]);
  });

  it('refuses a file that another process or thread has open, with the remedy', () => {
    const path = join(testDirectory(), 'outbox.db');
    open(path);
    expect(() => open(path)).toThrow(/in use by another process: stop the other bridge/);
  });

  it("refuses another bridge's file and one of a newer version", () => {
    const path = join(testDirectory(), 'outbox.db');
    open(path).close();
    expect(() => open(path, { bridge: 'office' })).toThrow(/belongs to bridge "home"/);
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(() => open(path)).toThrow(/newer slotwise/);
  });

  it('says what to check when the file cannot be opened at all', () => {
    const directory = testDirectory();
    writeFileSync(join(directory, 'file'), '');
    expect(() => open(join(directory, 'file', 'outbox.db'))).toThrow(
      /cannot open .*check that the directory/,
    );
  });
});

describe('a fault of the running database', () => {
  it('can be tried again after a full disk', () => {
    const database = new DatabaseSync(join(testDirectory(), 'full.db'));
    onTestFinished(() => database.close());
    database.exec('CREATE TABLE t (body TEXT); PRAGMA max_page_count = 4');
    const insert = database.prepare('INSERT INTO t VALUES (?)');
    const fill = () => insert.run('x'.repeat(100_000));
    let fault: unknown;
    try {
      fill();
    } catch (cause) {
      fault = runningFault(cause);
    }
    expect(fault).toMatchObject({ disposition: 'retry', message: expect.stringContaining('disk is full') });
  });
});
