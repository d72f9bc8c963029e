import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { unpriced } from '../../cli/cost/rates.ts';
import { unneededStatements } from '../../local/aws/permission-audit.ts';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { encodeMessage } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import { putRawObject } from '../cli/lake/rows.ts';
import { eventually } from '../support/eventually.ts';
import { drop } from '../support/messages.ts';
import { snapshot } from '../support/snapshots.ts';
import { type RunningBridge, System } from './system.ts';

const portfolio = generatePortfolio({ seed: 11, positions: 12, condors: 1, accounts: ['DU1111111'] });

/** What fails is given up at once: the journey is about who may do what with it. */
const HASTE = {
  drain: { batchWindowS: 1, timeoutS: 2, visibilityTimeoutS: 13, maxReceiveCount: 1 },
  feed: { retryAttempts: 0 },
  compact: { graceS: 1 },
} as const;

/** One journey that also meets what goes wrong: a message nobody can read, a strategy nobody can send. */
describe('a journey under the policies of the templates', () => {
  let system: System;
  let gateway: SimulatedGateway;
  let bridge: RunningBridge;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home'], overrides: HASTE });
    gateway = await system.gateway({ portfolio });
    await system.register(portfolio.condors);
    bridge = await system.bridge('home', gateway, { SLOTWISE_RECONCILE_DRAIN_PERIOD_MS: '2000' });
  }, 60_000);
  afterAll(() => system?.[Symbol.asyncDispose]());

  it('goes through, and so does what is to be done when something fails', async () => {
    const { cloud } = system;
    await bridge.until(({ lines }) => lines.streaming === 4, 'all legs confirmed');
    const [condor] = portfolio.condors;
    if (condor === undefined) throw new Error('a condor is expected');
    await system.registry.setStatus(condor.name, 'INACTIVE');
    await bridge.until(({ registry }) => registry.version === 2, 'the change in the replica');

    const administrator = cloud.clients('test');
    const QueueUrl = cloud.outputs.snapshotQueueUrl;
    for (const MessageBody of ['poison', encodeMessage(drop())]) {
      await administrator.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }
    const broken = { [REGISTRY.partitionKey]: { S: REGISTRY.strategy }, [REGISTRY.sortKey]: { S: 'broken' } };
    const TableName = cloud.outputs.registryTable;
    await administrator.dynamodb.send(new PutItemCommand({ TableName, Item: broken }));

    await eventually(() => used('sqs:SendMessage', 'FeedFailures'), { what: 'the feed gave up a record' });
    await eventually(() => used('s3:PutObject', 'dead/'), { what: 'a dead letter', deadlineMs: 60_000 });
    await eventually(() => used('s3:PutObject', 'ledger/'), { what: 'a declared drop', deadlineMs: 20_000 });
    await eventually(() => used('sqs:DeleteMessage', 'DeadLetters'), { what: 'its audit' });
    await eventually(() => used('dynamodb:Query', 'Positions'), { what: 'the table of positions compared' });
  }, 100_000);

  it('compacts a day, and lets go of what nobody needs any more', async () => {
    const { cloud } = system;
    const { s3 } = cloud.clients('test');
    for (const seq of [1, 2]) {
      const old = snapshot({ bridge: 'old', seq, observedAt: '2026-11-02T15:00:00.000Z' });
      await putRawObject(s3, cloud.outputs.lakeBucket, [{ snapshot: old }]);
      expect(await cloud.fire('CompactNightly')).toMatchObject({ rows: 1, unfinished: [] });
    }
    expect(await cloud.fire('CompactHourly')).toMatchObject({ conflicts: [], unfinished: [] });
    const isLetGo = async () => {
      await cloud.fire('CompactNightly');
      return used('s3:DeleteObject', '/raw/') && used('s3:DeleteObject', '/table/');
    };
    await eventually(isLetGo, { what: 'raw objects and replaced files gone', deadlineMs: 20_000 });
    const rows = await system.ask(
      "select seq, object_key is not null as known from snapshots where bridge = 'old'",
    );
    expect(rows).toHaveLength(2);
  }, 60_000);

  it('compacts each row once where two passes of a day run at the same time, and the log takes one', async () => {
    const { cloud } = system;
    const { s3 } = cloud.clients('test');
    const lostPuts = () =>
      cloud.journal
        .entries()
        .filter(
          ({ call }) => call.operation === 'PutObject' && call.accesses[0]?.resource.includes('/_delta_log/'),
        )
        .reduce((sum, { faults }) => sum + faults, 0);
    let seq = 0;
    const race = async () => {
      seq += 1;
      const row = snapshot({ bridge: 'race', seq, observedAt: '2026-11-03T15:00:00.000Z' });
      await putRawObject(s3, cloud.outputs.lakeBucket, [{ snapshot: row }]);
      const outcomes = await Promise.all([cloud.fire('CompactNightly'), cloud.fire('CompactNightly')]);
      const rows = outcomes.map((outcome) => (outcome as { rows: number }).rows);
      expect(rows.toSorted()).toEqual([0, 1]);
      return lostPuts() > 0;
    };
    await eventually(race, { what: 'a commit that came second', deadlineMs: 40_000 });
    const ids = await system.ask("select snapshot_id from compacted where bridge = 'race' order by seq");
    expect(ids).toHaveLength(seq);
  }, 60_000);

  it('reports an id with two bodies as a metric, which an alarm looks at', async () => {
    const { cloud } = system;
    const { s3 } = cloud.clients('test');
    const twice = snapshot({ bridge: 'twice', seq: 1, observedAt: '2026-11-04T15:00:00.000Z' });
    await putRawObject(s3, cloud.outputs.lakeBucket, [{ snapshot: twice }]);
    await putRawObject(s3, cloud.outputs.lakeBucket, [{ snapshot: twice, body: 'another' }]);
    const lines: string[] = [];
    onTestFinished(cloud.onFunctionLine((_, line) => void lines.push(line)));
    await cloud.fire('CompactNightly');
    const documents = lines
      .filter((line) => line.includes('snapshot.conflict'))
      .map((line): unknown => JSON.parse(line));
    expect(documents).toMatchObject([
      {
        _aws: {
          CloudWatchMetrics: [
            { Namespace: 'slotwise', Dimensions: [['Function']], Metrics: [{ Name: 'RecordsFailed' }] },
          ],
        },
        Function: 'compact',
        RecordsFailed: 1,
        day: '2026-11-04',
      },
    ]);
  });

  const used = (action: string, part: string) =>
    system.cloud.journal
      .accesses()
      .some((access) => access.action === action && access.resource.includes(part));

  it('refuses nobody anything', () => {
    const accesses = system.cloud.journal.accesses();
    expect(accesses.filter(({ denied }) => denied > 0)).toEqual([]);
    expect(new Set(accesses.map(({ principal }) => principal)).size).toBeGreaterThanOrEqual(5);
  });

  it('makes no call that the price table does not know', () => {
    const { phases } = system.cloud.meter.usage();
    expect(Object.values(phases).flatMap(({ calls }) => calls).length).toBeGreaterThan(20);
    expect(unpriced(Object.values(phases))).toEqual([]);
  });

  it('needs every statement: without any one of them a recorded call ends differently', async () => {
    const { permissions, journal } = system.cloud;
    expect(await unneededStatements(permissions, journal.accesses())).toEqual([]);
  }, 60_000);

  it('uses every grant but the few that only AWS itself can use', async () => {
    const unused = await system.cloud.unusedGrants();
    expect(new Set(unused.map(({ action }) => action))).toEqual(
      new Set([
        'dynamodb:ListStreams',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'sqs:GetQueueAttributes',
      ]),
    );
    expect(unused.filter(({ reason }) => reason === undefined)).toEqual([]);
  }, 60_000);
});
