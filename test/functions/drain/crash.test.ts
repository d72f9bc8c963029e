import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAuditItems } from '../../../cli/audit/read.ts';
import { openLake } from '../../../cli/lake/lake.ts';
import { drain } from '../../../functions/drain/drain.ts';
import { receive } from '../../../functions/received.ts';
import type { AuditItem } from '../../../shared/audit.ts';
import { isNewer, type Snapshot } from '../../../shared/snapshot.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { snapshot } from '../../support/snapshots.ts';
import { record } from '../../support/sqs-records.ts';
import { type Death, mortalStores } from './mortal.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const RUNS = 5;
/** As the queue is configured: after so many deliveries a message is dead-lettered. */
const DELIVERIES_MAX = 5;

let services: TestServices;
let cacheDirectory: string;

beforeAll(async () => {
  console.info(`seed ${SEED}`);
  services = await startServices();
  cacheDirectory = await mkdtemp(join(tmpdir(), 'slotwise-crash-'));
});

afterEach(async () => {
  await services.reset();
  await rm(cacheDirectory, { recursive: true, force: true });
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

/**
 * Two days, three contracts, two pages of the audit; one of the contracts opens, changes and closes. The n-th batch is
 * of other contracts and ids.
 */
function batchOf(n: number): Snapshot[] {
  const [first, second, third] = [3 * n + 1, 3 * n + 2, 3 * n + 3];
  const nextDay = '2026-11-21T00:00:01.000Z';
  return [
    state(10 * n + 7, { conId: first, quantity: '1' }),
    state(10 * n + 8, { conId: second, quantity: '5' }),
    state(10 * n + 9, { conId: first, quantity: '2' }),
    state(10 * n + 10, { conId: first, quantity: '0', observedAt: nextDay }),
    state(10 * n + 11, { conId: third, quantity: '7', observedAt: nextDay }),
  ];
}

/** One read of the audit, two objects, three positions, two pages of marks. */
const CALLS = 8;

describe('a drain that is killed', () => {
  it('loses nothing and writes nothing twice, at whichever of its calls and on whichever side of it', async () => {
    using whole = mortalStores(services);
    await drain(
      batchOf(0).map((one) => record(one)),
      whole.stores,
    );
    expect(whole.calls).toBe(CALLS);

    const all = batchOf(0);
    for (let n = 1; n <= 2 * CALLS; n += 1) {
      const batch = batchOf(n).map((one) => record(one));
      const death = { call: Math.ceil(n / 2), effect: n % 2 === 0 ? 'done' : 'none' } as const;
      expect(await deliver(batch, death), 'it lives').toBeUndefined();
      // The next invocations get the batch in another order, split in two.
      const again = batch.toReversed().map((one) => deliveredAs(one, 2));
      await deliver(again.slice(0, 2));
      await deliver(again.slice(2));
      all.push(...batchOf(n));
    }
    await expectStored(all, 'after a death at every call');
  });

  it('never takes a position back to an older state, and never resurrects a closed one', async () => {
    const [opened, , , closed] = batchOf(0);
    if (opened === undefined || closed === undefined) throw new Error('the batch has four states');
    await deliver([record(closed)]);
    await deliver([record(opened)]);
    expect(await positionOf(1)).toMatchObject({ quantity: '0', seq: 10, expiresAt: expect.any(Number) });
    await expectStored([opened, closed], 'delivered the wrong way round');
  });
});

describe('any number of drains at any time', () => {
  it('store each id once and end in the newest state, whatever was delivered, redelivered and killed', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async ({ snapshots, rounds }) => {
        const queue = new Queue(snapshots);
        for (const round of rounds) {
          const before = await positionsNow(snapshots);
          await Promise.all(
            round.map(async ({ picks, death }) => queue.settle(await deliver(queue.take(picks), death))),
          );
          expectNotOlder(before, await positionsNow(snapshots));
        }
        for (const batch of queue.rest()) queue.settle(await deliver(batch));
        expect(queue.rest()).toEqual([]);
        await expectStored(snapshots, 'after all of it');
        // A copy that SQS had forgotten about comes a day later.
        await deliver(snapshots.map((one) => deliveredAs(record(one), 2)));
        await expectStored(snapshots, 'after a late copy of everything');
        await services.reset();
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('never choose silently between two bodies of one id', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 1 }), { minLength: 2, maxLength: 6 }), async (order) => {
        const bodies = [state(1, { conId: 1, quantity: '1' }), state(1, { conId: 1, quantity: '-100' })];
        const messages = bodies.map((one, index) => record(one, { messageId: `body-${index}` }));
        const attempts = [0, 0];
        for (const index of [
          ...order,
          ...Array(2 * DELIVERIES_MAX)
            .fill([0, 1])
            .flat(),
        ]) {
          const message = messages[index];
          if (message === undefined || (attempts[index] ?? 0) >= DELIVERIES_MAX) continue;
          attempts[index] = (attempts[index] ?? 0) + 1;
          await deliver([deliveredAs(message, attempts[index])]);
        }
        const first = order[0] ?? 0;
        const item = await auditOf(bodies[0]?.id ?? '');
        expect(item?.bodyDigest).toBe(receive(messages[first] ?? record('')).decoded.digest);
        expect(item?.status).toBe('SUCCESS');
        // The other one is left for the dead-letter function, with a cause for each attempt.
        const other = await auditOf(`sqs:body-${1 - first}`);
        expect(other).toMatchObject({ status: 'RETRYING', attempts: DELIVERIES_MAX });
        expect(await positionOf(1)).toMatchObject({ quantity: bodies[first]?.quantity });
        await services.reset();
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

interface Delivery {
  /** Places in what waits, modulo its length. */
  readonly picks: readonly number[];
  readonly death: Death | undefined;
}

function histories() {
  const death = fc.record({
    call: fc.integer({ min: 1, max: 14 }),
    effect: fc.constantFrom('none' as const, 'done' as const),
  });
  const delivery: fc.Arbitrary<Delivery> = fc.record({
    picks: fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 12 }),
    death: fc.option(death, { nil: undefined }),
  });
  return fc.record({
    snapshots: fc
      .array(
        fc.record({ conId: fc.integer({ min: 1, max: 4 }), quantity: fc.integer({ min: -2, max: 2 }) }),
        {
          minLength: 1,
          maxLength: 25,
        },
      )
      .map((states) =>
        states.map(({ conId, quantity }, index) => state(index + 1, { conId, quantity: String(quantity) })),
      ),
    // Of each round the deliveries run at the same time.
    rounds: fc.array(fc.array(delivery, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
  });
}

/** SQS as a drain sees it: what was not acknowledged comes again, and what was may come again as well. */
class Queue {
  readonly #waiting = new Map<string, SQSRecord>();

  constructor(snapshots: readonly Snapshot[]) {
    for (const one of snapshots) {
      const message = record(one);
      this.#waiting.set(message.messageId, message);
    }
  }

  /** A visible message may be handed to two drains at once: at least once means no more than that. */
  take(picks: readonly number[]): SQSRecord[] {
    const waiting = [...this.#waiting.values()];
    const taken = new Map<string, SQSRecord>();
    for (const pick of picks) {
      const message = waiting[pick % Math.max(1, waiting.length)];
      if (message !== undefined) taken.set(message.messageId, message);
    }
    return [...taken.values()];
  }

  settle(answer: Answer | undefined): void {
    if (answer === undefined) return;
    for (const { messageId } of answer.batch) {
      if (!answer.failed.has(messageId)) this.#waiting.delete(messageId);
    }
  }

  rest(): SQSRecord[][] {
    const waiting = [...this.#waiting.values()];
    return waiting.length === 0 ? [] : [waiting];
  }
}

interface Answer {
  readonly batch: readonly SQSRecord[];
  readonly failed: ReadonlySet<string>;
}

/** @returns undefined when the drain died: SQS heard nothing of it */
async function deliver(batch: readonly SQSRecord[], death?: Death): Promise<Answer | undefined> {
  using mortal = mortalStores(services, death);
  const { failures } = await drain(batch, mortal.stores);
  if (mortal.isDead) return undefined;
  return { batch, failed: new Set(failures.map(({ received }) => received.messageId)) };
}

function state(
  seq: number,
  { conId, ...overrides }: { readonly conId: number } & Partial<Snapshot>,
): Snapshot {
  return snapshot({ seq, contract: { ...snapshot().contract, conId }, ...overrides });
}

function deliveredAs(one: SQSRecord, attempt: number): SQSRecord {
  return { ...one, attributes: { ...one.attributes, ApproximateReceiveCount: String(attempt) } };
}

async function expectStored(snapshots: readonly Snapshot[], when: string): Promise<void> {
  await using lake = await openLake({ s3: services.clients.s3, bucket: services.bucket, cacheDirectory });
  const { rows } = await lake.query(
    'SELECT snapshot_id, CAST(quantity AS VARCHAR) FROM snapshots ORDER BY seq',
  );
  expect(
    rows.map(([id]) => id),
    when,
  ).toEqual(snapshots.map(({ id }) => id));
  expect(
    rows.map(([, quantity]) => Number(quantity)),
    when,
  ).toEqual(snapshots.map(({ quantity }) => Number(quantity)));
  for (const [conId, newest] of newestByContract(snapshots)) {
    expect(await positionOf(conId), when).toMatchObject({ id: newest.id, quantity: newest.quantity });
  }
  for (const { id } of snapshots) expect((await auditOf(id))?.status, `${when}: ${id}`).toBe('SUCCESS');
}

function newestByContract(snapshots: readonly Snapshot[]): Map<number, Snapshot> {
  const newest = new Map<number, Snapshot>();
  for (const one of snapshots) {
    const present = newest.get(one.contract.conId);
    if (present === undefined || isNewer(one, present)) newest.set(one.contract.conId, one);
  }
  return newest;
}

type PositionItem = Pick<Snapshot, 'id' | 'quantity' | 'bridge' | 'epoch' | 'seq' | 'observedAt'>;

async function positionsNow(snapshots: readonly Snapshot[]): Promise<Map<number, PositionItem>> {
  const items = new Map<number, PositionItem>();
  for (const conId of newestByContract(snapshots).keys()) {
    const item = await positionOf(conId);
    if (item !== undefined) items.set(conId, item);
  }
  return items;
}

function expectNotOlder(
  before: ReadonlyMap<number, PositionItem>,
  after: ReadonlyMap<number, PositionItem>,
): void {
  for (const [conId, item] of before) {
    const now = after.get(conId);
    expect(now, `the position of ${conId} is gone`).toBeDefined();
    if (now !== undefined) expect(isNewer(item, now), `${now.id} replaced ${item.id}`).toBe(false);
  }
}

async function positionOf(conId: number): Promise<PositionItem | undefined> {
  const Key = { account: snapshot().account, conId };
  const { positions } = services.tables;
  const { Item } = await services.documents.send(new GetCommand({ TableName: positions, Key }));
  return Item as PositionItem | undefined;
}

async function auditOf(id: string): Promise<AuditItem | undefined> {
  const { documents, tables } = services;
  return (await readAuditItems(documents, tables.audit, [id])).get(id);
}
