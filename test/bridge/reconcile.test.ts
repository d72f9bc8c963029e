import { setTimeout as delay } from 'node:timers/promises';
import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Reconciler } from '../../bridge/reconciler/reconciler.ts';
import { type Item, readHolder } from '../../bridge/reconciler/table.ts';
import { Positions, positionItem } from '../../functions/drain/positions.ts';
import { startGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { RECONCILE } from '../../shared/limits.ts';
import { POSITIONS } from '../../shared/names.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { slotwise } from '../cli/run-slotwise.ts';
import { eventually } from '../support/eventually.ts';
import { recordingLog } from '../support/log.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { snapshot } from '../support/snapshots.ts';
import { type Deployment, deploy, run } from './running.ts';

const SEED = 20_261_121;
const ACCOUNT = 'DU1111111';
const STRANGER = 'DU9999999';
const portfolio = generatePortfolio({ seed: SEED, positions: 12, condors: 1, accounts: [ACCOUNT] });
const held = portfolio.positions;
const spare = portfolio.instruments.find(
  ({ contract }) => !held.some(({ conId }) => conId === contract.conId),
);
if (spare === undefined) throw new Error(`everything is held at seed ${SEED}`);

/** Of an earlier start of the same bridge. */
const OLD = { epoch: '1785300000000-k3x9qa', observedAt: '2026-07-29T15:00:00.000Z' };

const HASTE = {
  SLOTWISE_HEARTBEAT_PERIOD_MS: '500',
  SLOTWISE_RECONCILE_DRAIN_PERIOD_MS: '1000',
};

describe(`a bridge that compares the table of positions with its sweeps (seed ${SEED})`, () => {
  let services: TestServices;
  let deployment: Deployment;
  /** Pages of the table that were asked for, and whether they are refused. */
  let asked: number;
  let isRefused: boolean;

  beforeAll(async () => {
    services = await startServices();
  });
  afterAll(() => services?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await services.reset();
    deployment = await deploy(services);
    asked = 0;
    isRefused = false;
    services.refuse('dynamodb', ({ headers, body }) => {
      const target = headers['x-amz-target'] ?? '';
      if (!target.includes('.Query') || !body.includes(services.tables.positions)) return false;
      asked += 1;
      return isRefused;
    });
  });

  /** The drain's own writes to the table, without the lake. */
  const startDrain = () => {
    const positions = new Positions(services.documents, services.tables.positions);
    const abort = new AbortController();
    const drain = async () => {
      while (!abort.signal.aborted) {
        const messages = await deployment.receive();
        for (const message of messages) {
          if (message.kind === 'snapshot') await positions.putNewer(message, message.observedAt);
          else if (message.kind === 'heartbeat') {
            for (const account of message.accounts) await positions.renewLease(account, message);
          }
        }
        if (messages.length === 0) await delay(20);
      }
    };
    const drained = drain();
    onTestFinished(async () => {
      abort.abort();
      await drained;
    });
  };

  const startSimulated = async () => {
    const gateway = await startGateway({
      portfolio,
      tickPeriodMs: 50,
      snapshotMs: 50,
      messagesPerSecondMax: 1000,
    });
    onTestFinished(() => gateway.stop());
    return gateway;
  };

  const itemOf = async (conId: number, account = ACCOUNT) => {
    const Key = { [POSITIONS.partitionKey]: account, [POSITIONS.sortKey]: conId };
    const { Item } = await services.documents.send(
      new GetCommand({ TableName: services.tables.positions, Key, ConsistentRead: true }),
    );
    return Item as Snapshot | undefined;
  };
  const put = (item: Snapshot) =>
    services.documents.send(
      new PutCommand({ TableName: services.tables.positions, Item: positionItem(item, item.observedAt) }),
    );

  it('mends what was changed behind its back, counts it, shows it, and leaves alone what is newer', async () => {
    startDrain();
    isRefused = true;
    const gateway = await startSimulated();
    const { bridge, log, until } = await run(deployment, gateway, HASTE);
    await until(({ reconcile }) => reconcile?.failed === 2, 'the table was asked for in vain');
    expect(log.entries.filter(({ event }) => event === 'reconcile-fault')).toHaveLength(1);
    const [missing, changed, stale, newer] = await Promise.all(
      held
        .slice(0, 4)
        .map(({ conId }) => eventually(() => itemOf(conId), { what: `conId ${conId} in the table` })),
    );
    if (!missing || !changed || !stale || !newer) throw new Error('four positions are expected');

    const { partitionKey, sortKey } = POSITIONS;
    const Key = { [partitionKey]: ACCOUNT, [sortKey]: missing.contract.conId };
    await services.documents.send(new DeleteCommand({ TableName: services.tables.positions, Key }));
    const extra = snapshot({ ...OLD, account: ACCOUNT, contract: spare.contract, quantity: '7' });
    const theirs = snapshot({ ...OLD, account: STRANGER, contract: spare.contract, quantity: '7' });
    const future = snapshot({ ...newer, epoch: '1999999999999-zzzzzz', quantity: '999' });
    await Promise.all([
      put(snapshot({ ...changed, ...OLD, quantity: '123' })),
      put(snapshot({ ...stale, ...OLD })),
      put(future),
      put(extra),
      put(theirs),
    ]);
    isRefused = false;

    const { reconcile } = await until((status) => status.reconcile?.mended === 4, 'four differences mended');
    expect(log.entries.some(({ event }) => event === 'reconcile-recovered')).toBe(true);
    expect(await itemOf(missing.contract.conId)).toMatchObject({
      quantity: missing.quantity,
      reason: 'keyframe',
    });
    expect(await itemOf(changed.contract.conId)).toMatchObject({ quantity: changed.quantity });
    expect((await itemOf(stale.contract.conId))?.epoch).toBe(stale.epoch);
    expect(await itemOf(spare.contract.conId)).toMatchObject({ quantity: '0', reason: 'closed' });
    expect(await itemOf(spare.contract.conId, STRANGER)).toMatchObject({ quantity: '7' });
    expect(await itemOf(newer.contract.conId)).toMatchObject({ quantity: '999', epoch: future.epoch });
    expect(reconcile).toMatchObject({ state: 'differs', positions: 12, rows: 13, failed: 2 });
    expect(reconcile?.differences).toMatchObject({ missing: 0, extra: 0, quantity: 0, stale: 0, newer: 1 });
    expect(reconcile?.lastMended.map(({ kind }) => kind).sort()).toEqual([
      'extra',
      'missing',
      'quantity',
      'stale',
    ]);

    const shown = await slotwise(['reconcile', '--status-url', bridge.statusUrl], {
      cwd: deployment.directory,
    });
    expect(shown).toMatchObject({ code: 1, stderr: '' });
    expect(shown.stdout).toMatch(/^home: differs; 12 positions against 13 rows at /);
    expect(shown.stdout).toMatch(/newer +DU\*\*\*11 +\d+ .* 999 /);
    expect(shown.stdout).toContain('4 mended since the bridge started');
    expect(shown.stdout).not.toContain(ACCOUNT);
  }, 40_000);

  it('reads a partition in pages, the lease first', async () => {
    const rows = Array.from({ length: 2 * RECONCILE.pageRows }, (_, at) => at + 1);
    const contract = { ...spare.contract };
    await Promise.all(
      rows.map((conId) => put(snapshot({ account: ACCOUNT, contract: { ...contract, conId } }))),
    );
    const lease = { account: ACCOUNT, conId: POSITIONS.leaseConId, bridge: 'home', at: OLD.observedAt };
    await services.documents.send(new PutCommand({ TableName: services.tables.positions, Item: lease }));
    const table = { client: services.documents, name: services.tables.positions };
    const items: Item[] = [];
    for await (const item of readHolder(table, { account: ACCOUNT }, AbortSignal.timeout(10_000)))
      items.push(item);
    expect(items[0]).toEqual({ type: 'lease', bridge: 'home', at: OLD.observedAt });
    expect(items.slice(1).map((item) => item.type === 'row' && item.row.contract.conId)).toEqual(rows);
    expect(asked).toBe(3);
  });

  it('does not look before the outbox has sent what it would look for, and says so', async () => {
    startDrain();
    let sent = 0;
    services.refuse('sqs', ({ headers }) => {
      const isSend = (headers['x-amz-target'] ?? '').includes('SendMessage');
      if (isSend) sent += 1;
      return isSend;
    });
    const { until } = await run(deployment, await startSimulated(), HASTE);
    const { reconcile } = await until(
      (status) => status.reconcile?.reason?.startsWith('the outbox has not sent') === true,
      'the outbox is waited for',
    );
    expect(reconcile?.state).toBe('undecided');
    expect(sent).toBeGreaterThan(0);
    expect(asked).toBe(0);
    services.refuse('sqs', undefined);
    await until((status) => status.reconcile?.lastAt !== undefined, 'the table was compared');
    expect(asked).toBeGreaterThan(0);
  }, 30_000);

  describe('looks', () => {
    const lists = () => new Map([[ACCOUNT, { sweepId: '1', completedAt: new Date().toISOString() }]]);
    const state = {
      positions: new Map(),
      guards: new Map(),
      doubts: new Map(),
      lastKeyframeAt: OLD.observedAt,
    };
    const status = { epoch: OLD.epoch, produced: 1, depth: 0, bytes: 0, maxBytes: 1 } as const;
    const rest = { dropped: 0, quarantined: 0, notWritten: 0 } as const;

    const look = (keyframeInMs: number, listsNow = lists) => {
      const reconciler = new Reconciler({
        bridge: 'home',
        book: {
          get state() {
            return { ...state, lists: listsNow() };
          },
          mend: async () => true,
          untilKeyframeMs: () => keyframeInMs,
        },
        outbox: { epoch: OLD.epoch, status: async () => ({ ...status, ...rest }) },
        table: { client: services.documents, name: services.tables.positions },
        accounts: () => new Set([ACCOUNT]),
        drainPeriodMs: 200,
        log: recordingLog(),
      });
      onTestFinished(() => reconciler.stop());
      reconciler.start();
      return reconciler;
    };

    it('after the first sweep and each keyframe, and once more before the next one', async () => {
      const overdue = look(0);
      overdue.noteSweep({ keyframe: false });
      await eventually(() => overdue.status().lastAt !== undefined);
      expect([asked, overdue.status().state]).toEqual([1, 'agrees']);
      overdue.noteSweep({ keyframe: false });
      overdue.noteSweep({ keyframe: true });
      await eventually(() => asked === 2);
      await overdue.stop();
      const ahead = look(1000);
      ahead.noteSweep({ keyframe: true });
      await eventually(() => asked >= 4, { what: 'a look that no keyframe asked for' });
    });

    it('at nothing while there is no newer list of the account', async () => {
      const first = lists();
      const reconciler = look(0, () => first);
      reconciler.noteSweep({ keyframe: true });
      await eventually(() => reconciler.status().state === 'agrees');
      reconciler.noteSweep({ keyframe: true });
      const { reason } = await eventually(() => {
        const now = reconciler.status();
        return now.state === 'undecided' && now;
      });
      expect(reason).toBe('no complete list of positions since the last look: DU***11');
      expect(asked).toBe(1);
    });
  });

  it('neither compares nor mends what another bridge holds', async () => {
    startDrain();
    const lease = {
      account: ACCOUNT,
      conId: POSITIONS.leaseConId,
      bridge: 'away',
      at: new Date().toISOString(),
    };
    await services.documents.send(new PutCommand({ TableName: services.tables.positions, Item: lease }));
    await put(snapshot({ ...OLD, account: ACCOUNT, contract: spare.contract, quantity: '7' }));
    const { until } = await run(deployment, await startSimulated(), HASTE);
    const { reconcile } = await until(
      (status) => status.reconcile?.reason === 'this bridge holds no account' && status.sweeps.complete > 4,
      'looks without an account',
    );
    expect(reconcile).toMatchObject({ state: 'undecided', positions: 0, rows: 0, failed: 0 });
    expect(asked).toBe(0);
  }, 20_000);
});
