import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SnapshotDraft } from '../../../bridge/outbox/draft.ts';
import { OutboxFault } from '../../../bridge/outbox/fault.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { type Drop, decodeMessage, encodeMessage, type Message } from '../../../shared/message.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { testDirectory } from '../../support/directory.ts';
import { draft } from '../../support/drafts.ts';
import { heartbeat } from '../../support/messages.ts';

const EVERYTHING = { count: 100_000, maxBytes: Number.MAX_SAFE_INTEGER } as const;

function open(options: { path?: string; maxBytes?: number } = {}): OutboxStore {
  const { path = join(testDirectory(), 'outbox.db'), ...rest } = options;
  const store = new OutboxStore({ path, bridge: 'home', ...rest });
  onTestFinished(() => store.close());
  return store;
}

function of(conId: number, lane: 'poll' | 'stream', overrides: Partial<SnapshotDraft> = {}): SnapshotDraft {
  const { contract } = draft();
  return draft({ contract: { ...contract, conId }, lane, priority: lane === 'poll' ? 2 : 1, ...overrides });
}

const poll = (conId: number) => of(conId, 'poll');
const stream = (conId: number) => of(conId, 'stream');
const close = (conId: number) => of(conId, 'poll', { reason: 'closed', quantity: '0' });

/** What one snapshot of these tests takes. */
const ONE = (() => {
  const body = encodeMessage({
    ...poll(1),
    schema: 1,
    kind: 'snapshot',
    id: 'home:1795250764114-3d3dd9397f:1',
    bridge: 'home',
    epoch: '1795250764114-3d3dd9397f',
    seq: 1,
  });
  return Buffer.byteLength(body);
})();

/** A bound with room for so many of them, and for a few declarations. */
const roomFor = (count: number) => Math.floor((count + 0.9) * ONE);

function waiting(store: OutboxStore): Message[] {
  return store.peek(EVERYTHING).map(({ body }) => {
    const decoded = decodeMessage(body);
    if (!decoded.ok) throw new Error(decoded.fault);
    return decoded.message;
  });
}

const byAge = (left: Snapshot, right: Snapshot) =>
  left.epoch === right.epoch ? left.seq - right.seq : left.epoch < right.epoch ? -1 : 1;

const snapshots = (store: OutboxStore) =>
  waiting(store)
    .filter((message) => message.kind === 'snapshot')
    .toSorted(byAge);

const drops = (store: OutboxStore) => waiting(store).filter((message) => message.kind === 'drop');

const seqs = (store: OutboxStore) => snapshots(store).map(({ seq }) => seq);

const numbersOf = (ranges: readonly Drop[]) =>
  ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));

/** Appends one by one, so that each has its own commit. @returns the numbers given up, in the order in which they were */
function fill(store: OutboxStore, rows: readonly SnapshotDraft[]): number[] {
  const givenUp: number[] = [];
  for (const row of rows) {
    store.append([row]);
    const now = numbersOf(drops(store)).filter((seq) => !givenUp.includes(seq));
    givenUp.push(...now.toSorted((left, right) => left - right));
  }
  return givenUp;
}

describe('a full outbox', () => {
  it('gives up superseded polled snapshots first, oldest first, and declares each', () => {
    const store = open({ maxBytes: roomFor(6) });
    const rows = [stream(1), poll(1), stream(1), poll(2), poll(1), poll(2), poll(1), poll(2)];
    expect(fill(store, rows)).toEqual([2, 4]);
    expect(seqs(store)).toEqual([1, 3, 5, 6, 7, 8]);
    expect(drops(store)).toMatchObject([
      { epoch: store.opening.epoch, reason: expect.stringContaining('bound') },
      { epoch: store.opening.epoch },
    ]);
    expect(store.status()).toMatchObject({ produced: 8, dropped: 2 });
  });

  it('then gives up streamed ones that a newer streamed one has replaced', () => {
    const store = open({ maxBytes: roomFor(4) });
    expect(fill(store, [poll(1), stream(1), stream(2), stream(1), stream(2), stream(1)])).toEqual([2, 3]);
    expect(seqs(store)).toEqual([1, 4, 5, 6]);
  });

  it('then the older of the two that are left of a contract, and the newest never', () => {
    const store = open({ maxBytes: roomFor(4) });
    expect(fill(store, [poll(1), stream(2), stream(1), poll(2), poll(3), poll(4)])).toEqual([1, 2]);
    expect(seqs(store)).toEqual([3, 4, 5, 6]);
  });

  it('never gives up a close, whatever came after it', () => {
    const store = open({ maxBytes: roomFor(4) });
    const givenUp = fill(store, [close(1), poll(1), stream(1), poll(1), close(1), poll(2), stream(1)]);
    expect(givenUp).toEqual([2, 4, 3]);
    expect(seqs(store)).toEqual([1, 5, 6, 7]);
  });

  it('keeps the newest of each account and of each of its models', () => {
    const store = open({ maxBytes: roomFor(4) });
    const rows = [
      poll(1),
      of(1, 'poll', { modelCode: 'growth' }),
      of(1, 'poll', { account: 'DU9000009' }),
      poll(1),
      poll(1),
    ];
    expect(fill(store, rows)).toEqual([1]);
    expect(seqs(store)).toEqual([2, 3, 4, 5]);
  });

  it('joins what it declares, so that a long time without AWS ends with few declarations', () => {
    const store = open({ maxBytes: roomFor(20) });
    const rows = Array.from({ length: 120 }, (_, index) => poll(1 + (index % 5)));
    for (const row of rows) store.append([row]);
    const [declared, ...others] = drops(store);
    expect(others).toEqual([]);
    expect(declared).toMatchObject({ first: 1, last: store.status().dropped });
    expect(seqs(store).at(0)).toBe(store.status().dropped + 1);
  });

  it('takes nothing that must be kept beyond its bound, changes nothing by that, and goes on with room', () => {
    const store = open({ maxBytes: roomFor(5) });
    store.append([1, 2, 3, 4, 5].map(poll));
    const before = store.peek(EVERYTHING);
    for (const rows of [[poll(6)], [close(9)], [stream(7), stream(8)]]) {
      expect(() => store.append(rows)).toThrow(
        expect.objectContaining({
          disposition: 'retry',
          message: expect.stringContaining('raise outbox.maxBytes'),
        }),
      );
    }
    expect(store.peek(EVERYTHING)).toEqual(before);
    expect(store.status()).toMatchObject({ produced: 5, dropped: 0, depth: 5 });
    store.append([poll(1)]);
    expect(seqs(store)).toEqual([2, 3, 4, 5, 6]);
    store.putHeartbeat(encodeMessage(heartbeat()));
    store.acknowledge(store.peek(EVERYTHING).map(({ key }) => key));
    store.append([poll(6)]);
    expect(seqs(store)).toEqual([7]);
  });

  it('takes heartbeats and ledgers beyond its bound, and gives none of them up', () => {
    const store = open({ maxBytes: roomFor(2) });
    store.append([poll(1)]);
    store.putHeartbeat(encodeMessage(heartbeat()));
    for (let round = 0; round < 5; round += 1) store.append([poll(1)]);
    expect(waiting(store).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['heartbeat', 'ledger', 'drop', 'snapshot']),
    );
  });

  it('comes down to a bound that was lowered in steps, with what is accepted', () => {
    const path = join(testDirectory(), 'outbox.db');
    const large = open({ path });
    const rows = Array.from({ length: 6000 }, (_, index) => poll(1 + (index % 50)));
    large.append(rows);
    large.close();
    const store = open({ path, maxBytes: roomFor(200) });
    const depths: number[] = [];
    while (store.status().bytes > roomFor(200)) {
      store.append([poll(1)]);
      depths.push(store.status().depth);
      if (depths.length > 100) throw new Error('it does not shrink');
    }
    expect(depths.length).toBeGreaterThan(2);
    expect(depths).toEqual(depths.toSorted((left, right) => right - left));
    expect(new Set(snapshots(store).map(({ contract }) => contract.conId)).size).toBe(50);
  });

  it('declares no number that the queue has taken meanwhile', () => {
    const store = open({ maxBytes: roomFor(3) });
    store.append([poll(1)]);
    store.append([poll(1)]);
    store.append([poll(1)]);
    store.append([poll(1)]);
    expect(numbersOf(drops(store))).toEqual([1]);
    // Number 4 is the newest that has been passed; it leaves by the queue.
    const newest = store.peek({ count: 2, maxBytes: 1e9 }).find(({ message }) => message === 'snapshot');
    store.acknowledge([newest?.key ?? 0]);
    for (const row of [poll(1), poll(1), poll(1)]) store.append([row]);
    expect(numbersOf(drops(store))).not.toContain(4);
  });
});

describe('whatever is accepted, sent, refused and started anew', () => {
  const contracts = fc.integer({ min: 1, max: 4 });
  const row = fc.oneof(
    { weight: 5, arbitrary: contracts.map(poll) },
    { weight: 4, arbitrary: contracts.map(stream) },
    { weight: 1, arbitrary: contracts.map(close) },
  );
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('append' as const), rows: fc.array(row, { maxLength: 6 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('fail' as const), rows: fc.array(row, { maxLength: 6 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 8 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('beat' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  );

  it('every number waits, was taken or is declared, and no newest and no close is given up', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 8, max: 20 }), (steps, room) => {
        const path = join(testDirectory(), 'outbox.db');
        const maxBytes = roomFor(room);
        let store = open({ path, maxBytes });
        const sent: Message[] = [];
        const accepted: Snapshot[] = [];
        const see = () => {
          const known = new Set(accepted.map(({ id }) => id));
          accepted.push(...snapshots(store).filter(({ id }) => !known.has(id)));
        };
        for (const each of steps) {
          const before = waiting(store);
          if (each.do === 'start') {
            store.close();
            store = open({ path, maxBytes });
          } else if (each.do === 'beat') store.putHeartbeat(encodeMessage(heartbeat()));
          else if (each.do === 'send') {
            const taken = store.peek({ count: each.count, maxBytes: 1e9 });
            sent.push(...taken.map(({ body }) => JSON.parse(body) as Message));
            store.acknowledge(taken.map(({ key }) => key));
          } else {
            const rows = each.do === 'fail' ? [...each.rows, draft({ quantity: '1e5' })] : each.rows;
            const produced = store.status().produced;
            try {
              store.append(rows);
              expect(each.do).toBe('append');
              expect(store.status().produced).toBe(produced + rows.length);
            } catch (cause) {
              expect(cause).toBeInstanceOf(OutboxFault);
              expect(waiting(store)).toEqual(before);
              expect(store.status().produced).toBe(produced);
            }
          }
          see();
          const { depth, bytes } = store.status();
          const present = store.peek(EVERYTHING);
          expect(depth).toBe(present.length);
          expect(bytes).toBe(present.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0));
        }
        // Each snapshot that was ever seen waiting still waits, was taken, or is declared; none is two of it.
        const left = waiting(store);
        const has = (messages: readonly Message[], { id }: Snapshot) =>
          messages.some((message) => message.kind === 'snapshot' && message.id === id);
        const declared = [...left, ...sent].filter((message) => message.kind === 'drop');
        const isDeclared = ({ epoch, seq }: Snapshot) =>
          declared.some((range) => range.epoch === epoch && range.first <= seq && seq <= range.last);
        for (const snapshot of accepted) {
          const where = [has(left, snapshot), has(sent, snapshot), isDeclared(snapshot)];
          expect(where.filter(Boolean)).toHaveLength(1);
          if (!isDeclared(snapshot)) continue;
          expect(snapshot.reason).not.toBe('closed');
          const isSuperseded = accepted.some(
            (other) => other.contract.conId === snapshot.contract.conId && byAge(snapshot, other) < 0,
          );
          expect(isSuperseded).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });
});
