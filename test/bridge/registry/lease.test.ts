import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { AccountLeases } from '../../../bridge/registry/lease.ts';
import { BRIDGE } from '../../../shared/limits.ts';
import { POSITIONS } from '../../../shared/names.ts';
import { createTables, startDynamoDb, TABLES, type TestDynamoDb } from '../../support/dynamodb.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';

const NOW = Date.parse('2026-11-20T15:00:00.000Z');
const [MINE, THEIRS] = ['DU9000001', 'DU9000002'] as const;

let dynamodb: TestDynamoDb;
let now: number;
beforeAll(async () => {
  dynamodb = await startDynamoDb();
  await createTables(dynamodb.client);
});
afterAll(() => dynamodb[Symbol.asyncDispose]());
beforeEach(async () => {
  now = NOW;
  await hold(MINE, 'home', NOW);
  await hold(THEIRS, 'office', NOW);
});

/** As the drain writes it. */
async function hold(account: string, bridge: string, atMs: number) {
  const key = { [POSITIONS.partitionKey]: account, [POSITIONS.sortKey]: POSITIONS.leaseConId };
  const Item = { ...key, bridge, at: new Date(atMs).toISOString() };
  await dynamodb.documents.send(new PutCommand({ TableName: TABLES.positions, Item }));
}

function open(options: { readonly periodMs?: number; readonly table?: string } = {}) {
  const log = recordingLog();
  const leases = new AccountLeases({
    client: dynamodb.documents,
    positionsTable: options.table ?? TABLES.positions,
    bridge: 'home',
    log,
    now: () => now,
    ...(options.periodMs !== undefined && { periodMs: options.periodMs }),
  });
  onTestFinished(() => leases.stop());
  return { leases, log };
}

describe('account leases', () => {
  it('keep off an account that another bridge holds, and only off that one', async () => {
    const { leases, log } = open();
    leases.setAccounts([MINE, THEIRS, 'DU9000003']);
    await leases.refresh();
    expect(leases.ours([MINE, THEIRS, 'DU9000003'])).toEqual([MINE, 'DU9000003']);
    expect(leases.elsewhere).toEqual([{ account: THEIRS, bridge: 'office' }]);
    expect(log.entries).toMatchObject([
      { event: 'account-elsewhere', fields: { account: 'DU***02', holder: 'office' } },
    ]);
  });

  it('take an account over when the other bridge has been silent for longer than a lease', async () => {
    const { leases } = open();
    leases.setAccounts([THEIRS]);
    now = NOW + BRIDGE.leaseMs - 1;
    await leases.refresh();
    expect(leases.ours([THEIRS])).toEqual([]);
    now = NOW + BRIDGE.leaseMs;
    await leases.refresh();
    expect(leases.ours([THEIRS])).toEqual([THEIRS]);
  });

  it('read at once when the accounts are known, then period by period, and tell of changes only', async () => {
    const { leases } = open({ periodMs: 20 });
    let changes = 0;
    leases.onChange(() => {
      changes += 1;
    });
    leases.start();
    leases.setAccounts([THEIRS]);
    await eventually(() => leases.elsewhere.length === 1);
    await hold(THEIRS, 'home', NOW + 1);
    await eventually(() => leases.elsewhere.length === 0);
    await hold(THEIRS, 'office', NOW + 2);
    await eventually(() => leases.elsewhere.length === 1);
    expect(changes).toBe(3);
  });

  it('act when nothing can be read and nothing was known', async () => {
    const { leases } = open({ table: 'missing' });
    leases.setAccounts([THEIRS]);
    await leases.refresh();
    expect(leases.ours([THEIRS])).toEqual([THEIRS]);
    expect(leases.lastFault).toContain('does the outputs file belong to this deployment');
  });

  it('keep the last answer while nothing can be read, however old it gets', async () => {
    const { leases } = open();
    leases.setAccounts([THEIRS]);
    await leases.refresh();
    now = NOW + 10 * BRIDGE.leaseMs;
    await leases.refresh(AbortSignal.abort());
    expect(leases.elsewhere).toEqual([{ account: THEIRS, bridge: 'office' }]);
  });

  it('forget an account that the gateway does not manage any more', async () => {
    const { leases } = open();
    leases.setAccounts([MINE, THEIRS]);
    await leases.refresh();
    leases.setAccounts([MINE]);
    expect(leases.elsewhere).toEqual([]);
  });
});
