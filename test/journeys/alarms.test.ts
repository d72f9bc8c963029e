import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stateHistory } from '../../cli/cloudwatch/alarm.ts';
import { MetricStore } from '../../cli/cloudwatch/series.ts';
import { linesOf, parseDashboard } from '../../cli/dashboard/widgets.ts';
import {
  type AlarmDefinition,
  LOCAL_METRICS,
  type MetricIdentity,
  type MetricValues,
  type Monitoring,
  metricKey,
  parseMetricValues,
  parseMonitoring,
} from '../../shared/local-metrics.ts';
import { encodeMessage, type Gauges } from '../../shared/message.ts';
import { REGISTRY } from '../../shared/names.ts';
import { putRawObject } from '../cli/lake/rows.ts';
import { PushedClock } from '../local/aws/support/pushed-clock.ts';
import { eventually } from '../support/eventually.ts';
import { heartbeat } from '../support/messages.ts';
import { snapshot } from '../support/snapshots.ts';
import { System } from './system.ts';

const MINUTE_MS = 60_000;
const BRIDGE = 'home';

/** A Monday. The metrics' time is pushed forward from here: no test can wait for half an hour of values. */
const START = Date.parse('2026-11-09T10:00:00Z');

/** What fails is given up after one try, and a change of the registry that nobody can send is tried three times. */
const OVERRIDES = {
  drain: { batchSize: 10, batchWindowS: 0, timeoutS: 2, visibilityTimeoutS: 12, maxReceiveCount: 1 },
  feed: { retryAttempts: 2 },
} as const;

/** What no local run can report: AWS makes it once or a few times a day, of the account's storage and bill. */
const OF_AWS_ALONE: Readonly<Record<string, string>> = {
  'AWS/S3 BucketSizeBytes': 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html',
  'AWS/Billing EstimatedCharges':
    'https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html',
};

/** How late the values of a minute may come to CloudWatch, in minutes. */
const DELAYS = [0, 1, 2];

describe('the alarms of the template, over the metrics of a run with faults', () => {
  const clock = new PushedClock(START);
  let system: System;
  let monitoring: Monitoring;
  let sent = 0;
  /** Keys of raw objects. */
  const twoBodies: string[] = [];

  beforeAll(async () => {
    const cloud = { metricClock: clock, streamRetryMs: 300 };
    system = await System.start({ bridges: [BRIDGE], overrides: OVERRIDES, cloud });
    const file = join(system.awsDirectory, LOCAL_METRICS.monitoringFile);
    monitoring = parseMonitoring(readFileSync(file, 'utf8'));
  }, 60_000);
  afterEach(async () => {
    for (const service of ['s3', 'dynamodb'] as const) await system.cloud.setFault(service, undefined);
  });
  afterAll(() => system?.[Symbol.asyncDispose]());

  const alarmNamed = (name: string): AlarmDefinition => {
    const found = monitoring.alarms.filter((each) => nameOf(each) === name);
    const [alarm] = found;
    if (alarm === undefined || found.length > 1) throw new Error(`one alarm ${name} is expected`);
    return alarm;
  };

  function reported(): MetricValues[] {
    system.cloud.measure();
    const text = readFileSync(join(system.awsDirectory, LOCAL_METRICS.valuesFile), 'utf8');
    return text.split('\n').flatMap((line) => parseMetricValues(line) ?? []);
  }

  const store = () => new MetricStore(reported());

  async function send(...bodies: readonly string[]): Promise<void> {
    const { sqs } = system.cloud.clients('test');
    const QueueUrl = system.cloud.outputs.snapshotQueueUrl;
    for (let at = 0; at < bodies.length; at += 10) {
      const Entries = bodies.slice(at, at + 10).map((MessageBody, id) => ({ Id: String(id), MessageBody }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  const aSnapshot = () => encodeMessage(snapshot({ seq: ++sent }));

  function beatAt(at: number, gauges: Partial<Gauges> = {}): string {
    const healthy = heartbeat();
    return encodeMessage({
      ...healthy,
      bridge: BRIDGE,
      at: new Date(at).toISOString(),
      gauges: { ...healthy.gauges, ...gauges },
    });
  }

  const idle = () => system.cloud.idle(AbortSignal.timeout(60_000));

  /** Minutes that pass while the queues are looked at, with a heartbeat in each unless the bridge is down. */
  async function pass(minutes: number, gauges: Partial<Gauges> | 'bridge down' = {}): Promise<void> {
    const beats: string[] = [];
    for (let minute = 0; minute < minutes; minute += 1) {
      system.cloud.measure();
      if (gauges !== 'bridge down') beats.push(beatAt(clock.now(), gauges));
      clock.pushToMinute();
    }
    if (beats.length === 0) return;
    await send(...beats);
    await idle();
  }

  const functionNamed = (name: string) => {
    const found = Object.values(system.cloud.functions()).find(({ logicalId }) => logicalId.startsWith(name));
    if (found === undefined) throw new Error(`no function ${name}`);
    return found;
  };
  /** In the minute that the clock shows, by the metric itself: it may come after the messages were given back. */
  const hasDrainFailed = () =>
    reported().some(
      ({ name, dimensions, at, values }) =>
        name === 'RecordsFailed' &&
        dimensions.Function === 'drain' &&
        at === Math.floor(clock.now() / 60_000) * 60_000 &&
        values.some(([value]) => value > 0),
    );

  interface Fault {
    /** That must go off by it. */
    readonly alarms: readonly string[];
    readonly inject: () => Promise<void>;
    /** Takes the fault away, and lets the minutes pass after which the alarms must be over. */
    readonly mend: () => Promise<void>;
  }

  const FAULTS: Readonly<Record<string, Fault>> = {
    'the lake is away, and a message comes that nobody can read': {
      alarms: ['SnapshotsWait', 'DrainFails', 'DeadLetters'],
      inject: async () => {
        await system.cloud.setFault('s3', 'unavailable');
        await send('poison');
        for (let minute = 0; minute < 3; minute += 1) {
          await send(aSnapshot());
          await eventually(hasDrainFailed, { what: 'a batch that fails' });
          await pass(1, 'bridge down');
        }
        await pass(4, 'bridge down');
      },
      mend: async () => {
        await system.cloud.setFault('s3', undefined);
        await eventually(() => functionNamed('DeadLetter').invocations > 0, {
          what: 'a dead letter',
          deadlineMs: 50_000,
        });
        await idle();
        await pass(10);
      },
    },
    'a table is throttled': {
      alarms: ['Throttled'],
      inject: async () => {
        const { dynamodb } = system.cloud.clients('test');
        const { registryTable, positionsTable, auditTable } = system.cloud.outputs;
        const keys = {
          [registryTable]: { [REGISTRY.partitionKey]: { S: 'X' }, [REGISTRY.sortKey]: { S: 'x' } },
          [positionsTable]: { account: { S: 'X' }, conId: { N: '1' } },
          [auditTable]: { id: { S: 'x' } },
        };
        await system.cloud.setFault('dynamodb', 'throttled');
        const refused = Object.entries(keys).flatMap(([TableName, Key]) => [
          dynamodb.send(new PutItemCommand({ TableName, Item: Key })),
          dynamodb.send(new GetItemCommand({ TableName, Key })),
        ]);
        const outcomes = await Promise.allSettled(refused);
        expect(outcomes.map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
      },
      mend: async () => {
        await system.cloud.setFault('dynamodb', undefined);
        await pass(10);
      },
    },
    'a strategy that nobody can send holds up the stream': {
      alarms: ['FeedLate', 'FeedFailures'],
      inject: async () => {
        const { dynamodb } = system.cloud.clients('test');
        const Item = {
          [REGISTRY.partitionKey]: { S: REGISTRY.strategy },
          [REGISTRY.sortKey]: { S: 'broken' },
        };
        await dynamodb.send(new PutItemCommand({ TableName: system.cloud.outputs.registryTable, Item }));
        clock.pushToMinute(2);
        const isGivenUp = async () => (await failures()) > 0;
        await eventually(isGivenUp, { what: 'the record given up', deadlineMs: 20_000 });
        await pass(2);
      },
      mend: async () => {
        const { sqs } = system.cloud.clients('test');
        const QueueUrl = system.cloud.outputs.snapshotQueueUrl.replace(/[^/]+$/, await failuresQueue());
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
        for (const { ReceiptHandle } of Messages) {
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
        await pass(5);
      },
    },
    'a bridge does not read its feed': {
      alarms: [`FeedUnread-${BRIDGE}`],
      inject: async () => {
        await clock.settle();
        await system.registry.put(
          {
            id: 'condor',
            account: 'DU9000001',
            status: 'ACTIVE',
            priority: 5,
            legs: [{ conId: 728937835, quantity: '-3' }],
            tags: [],
            rolledFrom: [],
          },
          { expectedVersion: 0 },
        );
        await idle();
        await pass(6);
      },
      mend: async () => {
        const { sqs } = system.cloud.clients('test');
        const QueueUrl = system.cloud.outputs.feedQueueUrls[BRIDGE];
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
        expect(Messages).toHaveLength(1);
        const [message] = Messages;
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
        await pass(6);
      },
    },
    'the compaction finds no lake, hour after hour': {
      alarms: ['CompactFails'],
      inject: async () => {
        await system.cloud.setFault('s3', 'unavailable');
        for (let attempt = 0; attempt < 3; attempt += 1) {
          await expect(system.cloud.fire('CompactHourly')).rejects.toThrow();
          clock.pushToMinute(30);
        }
      },
      mend: async () => {
        await system.cloud.setFault('s3', undefined);
        await system.cloud.fire('CompactHourly');
        clock.pushToMinute(190);
        await pass(2);
      },
    },
    'an id comes with two bodies': {
      alarms: ['TwoBodies'],
      inject: async () => {
        const { s3 } = system.cloud.clients('test');
        const { lakeBucket } = system.cloud.outputs;
        for (const body of ['one', 'another']) {
          twoBodies.push(
            await putRawObject(s3, lakeBucket, [{ snapshot: snapshot({ bridge: 'twice' }), body }]),
          );
        }
        await system.cloud.fire('CompactNightly');
        await pass(2);
      },
      mend: async () => {
        const { s3 } = system.cloud.clients('test');
        const Bucket = system.cloud.outputs.lakeBucket;
        for (const Key of twoBodies) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
        await system.cloud.fire('CompactNightly');
        clock.pushToMinute(24 * 60 + 10);
        await pass(2);
      },
    },
    'the bridge is killed': {
      alarms: [`HeartbeatMissing-${BRIDGE}`],
      inject: () => pass(4, 'bridge down'),
      mend: () => pass(6),
    },
    'the gateway wants a login': {
      alarms: [`GatewayAway-${BRIDGE}`],
      inject: () => pass(34, { gatewayReady: 0 }),
      mend: () => pass(40),
    },
    'a bridge does not learn of the registry': {
      alarms: [`RegistryLags-${BRIDGE}`],
      inject: () => pass(8, { registryLag: 1 }),
      mend: () => pass(8),
    },
    'sweeps fail for hours': {
      alarms: [`KeyframeOld-${BRIDGE}`],
      inject: () => pass(8, { keyframeAgeMs: alarmNamed(`KeyframeOld-${BRIDGE}`).threshold + 1 }),
      mend: () => pass(14),
    },
  };

  const failuresQueue = async () => {
    const found = Object.keys(await system.cloud.queueDepths()).find((name) => name.includes('FeedFailures'));
    if (found === undefined) throw new Error('no queue of failures');
    return found;
  };
  const failures = async () => (await system.cloud.queueDepths())[await failuresQueue()]?.visible ?? 0;

  it('has a fault for every alarm', () => {
    const covered = Object.values(FAULTS).flatMap(({ alarms }) => alarms);
    expect(covered.toSorted()).toEqual(monitoring.alarms.map(nameOf).toSorted());
  });

  it.each(Object.entries(FAULTS))(
    '%s: the alarm goes off and is over afterwards',
    async (_name, fault) => {
      const begin = clock.now();
      await pass(40);
      const healthySince = clock.now();
      await fault.inject();
      await fault.mend();
      const values = store();
      for (const alarm of fault.alarms.map(alarmNamed)) {
        for (const minutes of DELAYS) {
          const range = { from: begin, to: clock.now(), delayMs: minutes * MINUTE_MS };
          const states = stateHistory(alarm, values, range).filter(({ at }) => at > healthySince - MINUTE_MS);
          const course = states
            .map(({ state }) => state)
            .filter((state, index, all) => state !== all[index - 1]);
          expect(course, `${nameOf(alarm)}, values ${minutes} minutes late`).toEqual(['OK', 'ALARM', 'OK']);
        }
      }
    },
    90_000,
  );

  it('leave the weekend alone: what is old on a Saturday wakes nobody', async () => {
    clock.push(Date.parse('2026-11-14T12:00:00Z') - clock.now());
    const begin = clock.now();
    const fault = {
      gatewayReady: 0,
      keyframeAgeMs: alarmNamed(`KeyframeOld-${BRIDGE}`).threshold + 1,
    } as const;
    await pass(45, fault);
    for (const name of [`KeyframeOld-${BRIDGE}`, `GatewayAway-${BRIDGE}`]) {
      const states = stateHistory(alarmNamed(name), store(), { from: begin, to: clock.now() });
      expect(new Set(states.map(({ state }) => state)), name).toEqual(new Set(['OK']));
    }
  }, 30_000);

  it('take the silence of a bridge for no fault of its gateway', async () => {
    clock.push(Date.parse('2026-11-16T12:00:00Z') - clock.now());
    const begin = clock.now();
    await pass(60, 'bridge down');
    const states = stateHistory(alarmNamed(`GatewayAway-${BRIDGE}`), store(), {
      from: begin,
      to: clock.now(),
    });
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['OK']));
  });

  it('change by no heartbeat that comes twice, or hours late: neither do the graphs', async () => {
    clock.push(Date.parse('2026-11-17T12:00:00Z') - clock.now());
    const begin = clock.now();
    await pass(10, { linesInUse: 7 });
    const range = { from: begin, to: clock.now() };
    const graphs = () => {
      const values = store();
      const gauges = linesOfDashboards().filter(({ metric }) => metric.dimensions.Bridge === BRIDGE);
      expect(gauges.length).toBeGreaterThan(5);
      return gauges.map(({ metric, periodMs }) => [...values.series(metric, { ...range, periodMs })]);
    };
    const before = graphs();
    expect(before.every((points) => points.length === 10)).toBe(true);
    const alarmsOfBridge = monitoring.alarms.filter(({ name }) => name.includes(BRIDGE));
    const states = () => {
      const values = store();
      return alarmsOfBridge.map((alarm) => stateHistory(alarm, values, range));
    };
    const statesBefore = states();
    clock.pushToMinute(180);
    await send(beatAt(begin, { linesInUse: 7 }), beatAt(begin + 5 * MINUTE_MS, { linesInUse: 7 }));
    await idle();
    expect(graphs()).toEqual(before);
    expect(states()).toEqual(statesBefore);
    const late = linesOfDashboards().find(({ metric }) => metric.name === 'LinesInUse');
    if (late === undefined) throw new Error('a graph of lines is expected');
    const now = { from: clock.now() - 60 * MINUTE_MS, to: clock.now() + MINUTE_MS, periodMs: MINUTE_MS };
    expect(store().series(late.metric, now).size).toBe(0);
  });

  it('look at nothing that this run did not report, but for what AWS alone knows', () => {
    const values = store();
    const watched: MetricIdentity[] = [
      ...linesOfDashboards().map(({ metric }) => metric),
      ...monitoring.alarms.flatMap(({ queries }) => queries.flatMap(({ metric }) => metric ?? [])),
    ];
    expect(watched.length).toBeGreaterThan(60);
    const silent = watched.filter((metric) => !values.has(metric));
    const unknown = silent.filter(({ namespace, name }) => !(`${namespace} ${name}` in OF_AWS_ALONE));
    expect([...new Set(unknown.map(metricKey))]).toEqual([]);
    const needless = Object.keys(OF_AWS_ALONE).filter(
      (known) => !silent.some(({ namespace, name }) => known === `${namespace} ${name}`),
    );
    expect(needless).toEqual([]);
  });

  function linesOfDashboards() {
    return monitoring.dashboards.flatMap(({ body }) =>
      parseDashboard(body).widgets.flatMap((widget) => (widget.type === 'metric' ? linesOf(widget) : [])),
    );
  }
});

/** As `Alarms` calls it: without its stack and the hash that CloudFormation's names end in. */
function nameOf({ name }: AlarmDefinition): string {
  const id = name.replace(/^.*-Alarms/, '').replace(/[0-9A-F]{8}$/, '');
  return id.endsWith(BRIDGE) ? `${id.slice(0, -BRIDGE.length)}-${BRIDGE}` : id;
}
