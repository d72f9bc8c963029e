import { DeleteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPositions } from '../../../cli/positions/read.ts';
import { newestOfEach, Positions } from '../../../functions/drain/positions.ts';
import { isNewer, type Snapshot } from '../../../shared/snapshot.ts';
import { createTables, startDynamoDb, TABLES, type TestDynamoDb } from '../../support/dynamodb.ts';
import { heartbeat } from '../../support/messages.ts';
import { snapshot } from '../../support/snapshots.ts';

let dynamoDb: TestDynamoDb;
let positions: Positions;

beforeAll(async () => {
  dynamoDb = await startDynamoDb();
  await createTables(dynamoDb.client);
  positions = new Positions(dynamoDb.documents, TABLES.positions);
});

afterAll(async () => {
  await dynamoDb[Symbol.asyncDispose]();
});

const receivedAt = '2026-11-20T15:00:01.000Z';

/** Few values of each, so that every tie occurs. */
const arbitraryState = fc
  .record({
    bridge: fc.constantFrom('cloud', 'home'),
    epoch: fc.constantFrom('1785300000000-k3x9qa', '1785300000001-000000'),
    seq: fc.constantFrom(1, 2, 10),
    observedAt: fc.constantFrom('2026-11-20T15:00:00.000Z', '2026-11-20T15:00:00.001Z'),
  })
  .map((fields) => snapshot(fields));

describe('the position table', () => {
  it('lets the newer of any two states win, by the same rule as the domain', async () => {
    let conId = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryState, arbitraryState, async (present, candidate) => {
        conId += 1;
        const own = (one: Snapshot) => ({ ...one, contract: { ...one.contract, conId } });
        expect(await positions.putNewer(own(present), receivedAt)).toBe('written');
        const outcome = await positions.putNewer(own(candidate), receivedAt);
        expect(outcome).toBe(isNewer(candidate, present) ? 'written' : 'older');
      }),
      { numRuns: 300 },
    );
  });

  it('keeps what a model holds beside what its account holds, and both are read back with the account', async () => {
    const own = snapshot({ account: 'DU7000001', seq: 41 });
    const ofModel = { ...own, ...snapshot({ account: 'DU7000001', seq: 42 }), modelCode: 'GROWTH' };
    const stranger = snapshot({ account: 'DU70000011', seq: 43 });
    expect(newestOfEach([own, ofModel])).toEqual([own, ofModel]);
    for (const each of [own, ofModel, stranger]) {
      expect(await positions.putNewer(each, receivedAt)).toBe('written');
    }
    const { positions: read, malformed } = await readPositions(
      dynamoDb.documents,
      TABLES.positions,
      'DU7000001',
    );
    expect(malformed).toEqual([]);
    expect(read.toSorted((left, right) => left.seq - right.seq)).toEqual([own, ofModel]);
  });

  it('ends in one state whatever the order of delivery within a bridge', () => {
    const states = [3, 1, 2, 2].map((seq) => snapshot({ seq }));
    expect(newestOfEach(states).map(({ seq }) => seq)).toEqual([3]);
    expect(newestOfEach(states.toReversed()).map(({ seq }) => seq)).toEqual([3]);
  });
});

describe('a drain that knows what the table has', () => {
  const conId = 999;
  const state = (seq: number, overrides: Partial<Snapshot> = {}) => {
    const base = snapshot({ account: 'DU7000002', seq, ...overrides });
    return { ...base, contract: { ...base.contract, conId } };
  };
  const Key = { account: 'DU7000002', conId };
  /** What is written while the item is away shows: the table itself would take anything. */
  const takeAway = () => dynamoDb.documents.send(new DeleteCommand({ TableName: TABLES.positions, Key }));
  const present = async () =>
    (await dynamoDb.documents.send(new GetCommand({ TableName: TABLES.positions, Key }))).Item?.seq;

  it('sends nothing that is older than what it wrote itself, and everything that is newer', async () => {
    const own = new Positions(dynamoDb.documents, TABLES.positions);
    expect(await own.putNewer(state(10), receivedAt)).toBe('written');
    await takeAway();
    expect(await own.putNewer(state(9), receivedAt)).toBe('older');
    expect(await own.putNewer(state(10), receivedAt)).toBe('older');
    expect(await present()).toBeUndefined();
    expect(await own.putNewer(state(11), receivedAt)).toBe('written');
    expect(await present()).toBe(11);
    await takeAway();
  });

  it('learns from a refusal what another has written', async () => {
    const [own, other] = [1, 2].map(() => new Positions(dynamoDb.documents, TABLES.positions));
    await other?.putNewer(state(20), receivedAt);
    expect(await own?.putNewer(state(15), receivedAt)).toBe('older');
    await takeAway();
    expect(await own?.putNewer(state(19), receivedAt)).toBe('older');
    expect(await present()).toBeUndefined();
  });

  it('asks the table about another bridge, whose sequence is no measure', async () => {
    const own = new Positions(dynamoDb.documents, TABLES.positions);
    await own.putNewer(state(30), receivedAt);
    await takeAway();
    expect(await own.putNewer(state(1, { bridge: 'cloud' }), receivedAt)).toBe('written');
    expect(await present()).toBe(1);
    await takeAway();
  });
});

describe('the lease of an account', () => {
  const at = (minutes: number) =>
    new Date(Date.parse('2026-11-20T15:00:00Z') + minutes * 60_000).toISOString();
  const beat = (bridge: string, minutes: number) => heartbeat({ bridge, at: at(minutes) });

  it('is the first bridge to say so, renewed by its newer heartbeats only', async () => {
    expect(await positions.renewLease('A', beat('home', 0))).toBe('written');
    expect(await positions.renewLease('A', beat('home', 1))).toBe('written');
    expect(await positions.renewLease('A', beat('home', 0))).toBe('older');
    expect(await lease('A')).toEqual({ account: 'A', conId: 0, bridge: 'home', at: at(1) });
  });

  it("passes to another bridge only when the holder's last heartbeat is four minutes older", async () => {
    await positions.renewLease('B', beat('home', 0));
    expect(await positions.renewLease('B', beat('cloud', 4))).toBe('older');
    expect(
      await positions.renewLease('B', heartbeat({ bridge: 'cloud', at: '2026-11-20T15:04:00.001Z' })),
    ).toBe('written');
    // A heartbeat of the old holder that was long under way does not take it back.
    expect(await positions.renewLease('B', beat('home', 3))).toBe('older');
  });
});

async function lease(account: string) {
  const { Item } = await dynamoDb.documents.send(
    new GetCommand({ TableName: TABLES.positions, Key: { account, conId: 0 } }),
  );
  return Item;
}
