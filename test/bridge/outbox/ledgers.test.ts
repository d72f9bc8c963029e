import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../bridge/outbox/database.ts';
import { nextBeginning, recordEpoch } from '../../../bridge/outbox/epochs.ts';
import { Ledgers } from '../../../bridge/outbox/ledgers.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { decodeMessage, encodeMessage, type Ledger } from '../../../shared/message.ts';
import { testDirectory } from '../../support/directory.ts';
import { draft, drafts } from '../../support/drafts.ts';
import { heartbeat } from '../../support/messages.ts';

const EVERYTHING = { count: 100_000, maxBytes: Number.MAX_SAFE_INTEGER } as const;
const MINUTE_MS = 60_000;
const BEAT = encodeMessage(heartbeat());

/** An outbox whose clock the test moves. */
function open(path = join(testDirectory(), 'outbox.db')) {
  let now = Date.parse('2026-11-20T15:00:00.000Z');
  const store = new OutboxStore({ path, bridge: 'home', now: () => new Date(now) });
  onTestFinished(() => store.close());
  return {
    path,
    store,
    later: (ms: number) => {
      now += ms;
    },
  };
}

function ledgers(store: OutboxStore): Ledger[] {
  return store.peek(EVERYTHING).flatMap(({ body }) => {
    const decoded = decodeMessage(body);
    return decoded.ok && decoded.message.kind === 'ledger' ? [decoded.message] : [];
  });
}

/** The queue takes all that waits. */
function takeAll(store: OutboxStore): void {
  store.acknowledge(store.peek(EVERYTHING).map(({ key }) => key));
}

function digestOf(ids: readonly string[]): string {
  return createHash('sha256')
    .update(ids.map((id) => `${id}\n`).join(''))
    .digest('hex');
}

describe('the ledger', () => {
  it('goes out with the heartbeat: per UTC day first, last, count and a digest of the ids', () => {
    const { store } = open();
    store.append([
      draft({ observedAt: '2026-11-20T23:59:59.999Z' }),
      draft({ observedAt: '2026-11-21T00:00:00.000Z' }),
      draft({ observedAt: '2026-11-20T23:59:59.000Z' }),
    ]);
    store.putHeartbeat(BEAT);
    const id = (seq: number) => `home:${store.opening.epoch}:${seq}`;
    const common = { epoch: store.opening.epoch, acknowledged: 0, began: { cause: 'first' } };
    expect(ledgers(store)).toMatchObject([
      { ...common, day: '2026-11-20', first: 1, last: 3, count: 2, digest: digestOf([id(1), id(3)]) },
      { ...common, day: '2026-11-21', first: 2, last: 2, count: 1, digest: digestOf([id(2)]) },
    ]);
    expect(store.peek({ count: 1, maxBytes: 1_000_000 })[0]?.message).not.toBe('snapshot');
  });

  it('counts only what was accepted, and is cumulative whatever was refused in between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 5 }), isBad: fc.boolean() })),
        (calls) => {
          const { store } = open();
          for (const { count, isBad } of calls) {
            const batch = isBad ? [...drafts(count), draft({ quantity: '1e5' })] : drafts(count);
            if (isBad) expect(() => store.append(batch)).toThrow(/quantity/);
            else store.append(batch);
          }
          store.putLedgers();
          const { produced, epoch } = store.status();
          const ids = Array.from({ length: produced }, (_, index) => `home:${epoch}:${index + 1}`);
          const expected = [{ first: 1, last: produced, count: produced, digest: digestOf(ids) }];
          expect(ledgers(store)).toMatchObject(produced === 0 ? [] : expected);
          store.close();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('digests nothing of a transaction that the disk refused', () => {
    const now = new Date('2026-11-20T15:00:00.000Z');
    const database = openDatabase(join(testDirectory(), 'outbox.db'), 'home');
    onTestFinished(() => database.close());
    const beginning = nextBeginning(database, { marker: undefined, wasTorn: false, now });
    recordEpoch(database, beginning, now);
    const { epoch } = beginning;
    const kept = new Ledgers(database, { bridge: 'home', epoch });
    const add = (seq: number, end: 'COMMIT' | 'ROLLBACK') => {
      database.exec('BEGIN');
      kept.add([{ id: `home:${epoch}:${seq}`, seq, observedAt: now.toISOString() }]);
      database.exec(end);
      if (end === 'COMMIT') kept.commit();
      else kept.rollback();
    };
    add(1, 'COMMIT');
    add(2, 'ROLLBACK');
    add(2, 'COMMIT');
    const [due] = kept.due({ now, atOnce: true });
    expect(JSON.parse(due?.body ?? '')).toMatchObject({
      last: 2,
      count: 2,
      digest: digestOf([`home:${epoch}:1`, `home:${epoch}:2`]),
    });
  });

  it('is sent at most every five minutes while it changes, and only the newest waits', () => {
    const { store, later } = open();
    store.append(drafts(1));
    store.putHeartbeat(BEAT);
    store.append(drafts(1));
    later(MINUTE_MS);
    store.putHeartbeat(BEAT);
    expect(ledgers(store)).toMatchObject([{ last: 1 }]);
    later(4 * MINUTE_MS);
    store.putHeartbeat(BEAT);
    expect(ledgers(store)).toMatchObject([{ last: 2, count: 2 }]);
    expect(store.status().depth).toBe(store.peek(EVERYTHING).length);
  });

  it('says how far the queue has taken the numbers, below the first that waits', () => {
    const { store, later } = open();
    store.append([draft({ priority: 2 }), draft({ priority: 1 }), draft({ priority: 2 })]);
    const keyOf = (seq: number) =>
      store.peek(EVERYTHING).find(({ body }) => body.includes(`:${seq}"`))?.key ?? 0;
    store.acknowledge([keyOf(2)]);
    store.putLedgers();
    expect(ledgers(store)).toMatchObject([{ last: 3, acknowledged: 0 }]);
    store.acknowledge([keyOf(1)]);
    later(5 * MINUTE_MS);
    store.putHeartbeat(BEAT);
    expect(ledgers(store)).toMatchObject([{ last: 3, acknowledged: 2 }]);
    takeAll(store);
    expect(store.putLedgers()).toBe(1);
    expect(ledgers(store)).toMatchObject([{ last: 3, acknowledged: 3 }]);
    takeAll(store);
    expect(store.putLedgers()).toBe(0);
  });

  it('is sent twice more when nothing changes, after an hour and after a day, and then never again', () => {
    const { store, later } = open();
    store.append(drafts(2));
    takeAll(store);
    const sentAfter = (ms: number) => {
      later(ms);
      store.putHeartbeat(BEAT);
      const found = ledgers(store).length;
      takeAll(store);
      return found;
    };
    expect(sentAfter(0)).toBe(1);
    expect([sentAfter(59 * MINUTE_MS), sentAfter(MINUTE_MS)]).toEqual([0, 1]);
    expect([sentAfter(23 * 60 * MINUTE_MS), sentAfter(60 * MINUTE_MS)]).toEqual([0, 1]);
    expect(sentAfter(1000 * 60 * MINUTE_MS)).toBe(0);
  });

  it('survives a kill: the next start sends what the epoch before had produced last', () => {
    const { path, store } = open();
    store.append(drafts(2));
    store.putHeartbeat(BEAT);
    store.append(drafts(3));
    const { epoch } = store.opening;
    store.close();
    const again = open(path);
    again.later(5 * MINUTE_MS);
    again.store.append(drafts(1));
    again.store.putHeartbeat(BEAT);
    expect(ledgers(again.store)).toMatchObject([
      { epoch, last: 5, count: 5, acknowledged: 0 },
      { last: 1, acknowledged: 0, began: { cause: 'start', predecessor: { epoch, seq: 5 } } },
    ]);
  });

  it('says that the outbox was torn, also when the epoch that found it so produced nothing', () => {
    const { path, store } = open();
    store.append(drafts(4));
    const { epoch } = store.opening;
    store.close();
    writeFileSync(path, 'this is no database, and long enough to be seen as one that is torn'.repeat(10));
    open(path).store.close();
    const third = open(path).store;
    third.append(drafts(1));
    third.putLedgers();
    expect(ledgers(third)).toMatchObject([
      { last: 1, began: { cause: 'quarantined', predecessor: { epoch, seq: 4 } } },
    ]);
  });

  it('begins with the next epoch in a file from before there were ledgers', () => {
    const { path, store } = open();
    store.append(drafts(2));
    store.close();
    const database = new DatabaseSync(path);
    database.exec(`
      DROP TABLE ledgers;
      DROP INDEX pending_drops;
      ALTER TABLE pending DROP COLUMN drop_epoch;
      ALTER TABLE pending DROP COLUMN drop_first;
      ALTER TABLE pending DROP COLUMN drop_last;
      PRAGMA user_version = 1;
    `);
    database.close();
    const { store: again } = open(path);
    again.append(drafts(1));
    again.putLedgers();
    expect(ledgers(again)).toMatchObject([
      { epoch: again.opening.epoch, last: 1, began: { predecessor: { epoch: store.opening.epoch, seq: 2 } } },
    ]);
  });
});
