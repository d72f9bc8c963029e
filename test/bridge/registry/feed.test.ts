import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FeedOptions, RegistryFeed } from '../../../bridge/registry/feed.ts';
import { RegistryReplica } from '../../../bridge/registry/replica.ts';
import { scanRegistry } from '../../../bridge/registry/scan.ts';
import { REGISTRY } from '../../../shared/names.ts';
import { EMPTY_REPLICA } from '../../../shared/replica.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { testDirectory } from '../../support/directory.ts';
import { createTable, startDynamoDb, type TestDynamoDb } from '../../support/dynamodb.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { sqsClient, startQueue, type TestQueue } from '../../support/sqs.ts';
import { strategy } from '../../support/strategies.ts';

let dynamodb: TestDynamoDb;
let tables = 0;
beforeAll(async () => {
  dynamodb = await startDynamoDb();
});
afterAll(() => dynamodb[Symbol.asyncDispose]());

/** A registry of its own for a test. */
async function registry() {
  tables += 1;
  const name = `registry-${tables}`;
  await createTable(dynamodb.client, name, [REGISTRY.partitionKey, 'S'], [REGISTRY.sortKey, 'S']);
  const put = (Item: Record<string, unknown>) =>
    dynamodb.documents.send(new PutCommand({ TableName: name, Item }));
  return {
    table: { client: dynamodb.documents, name },
    putRaw: (sk: string, item: Record<string, unknown>) => put({ ...item, pk: REGISTRY.strategy, sk }),
    putHead: (head: number) => put({ pk: REGISTRY.head, sk: REGISTRY.head, head }),
    async write(image: Strategy) {
      await put({ ...image, pk: REGISTRY.strategy, sk: image.id });
      await put({ pk: REGISTRY.head, sk: REGISTRY.head, head: image.registryVersion });
    },
  };
}

const QUICK = { headPeriodMs: 40, lagMaxMs: 40, gapMaxMs: 40, scanAgeMaxMs: 86_400_000 } as const;
const SLOW = { headPeriodMs: 600_000, lagMaxMs: 600_000, gapMaxMs: 600_000 } as const;

async function start(
  options: Pick<FeedOptions, 'table'> &
    Partial<FeedOptions> & { readonly queue: TestQueue; readonly file?: string; readonly endpoint?: string },
) {
  const { queue, file = join(testDirectory(), 'replica.json'), endpoint = queue.endpoint, ...rest } = options;
  const log = recordingLog();
  const replica = new RegistryReplica({ file, log });
  await replica.load();
  const feed = new RegistryFeed({
    replica,
    sqs: sqsClient(endpoint),
    queueUrl: queue.url,
    log,
    longPollS: 1,
    backoff: { firstMs: 5, maxMs: 20 },
    ...rest,
  });
  feed.start();
  onTestFinished(() => feed.stop());
  return { replica, feed, log, file };
}

const send = (queue: TestQueue, image: Strategy) =>
  queue.server.sendMessage('queue', JSON.stringify({ schema: 1, kind: 'registry', strategy: image }));

const isEmpty = (queue: TestQueue) =>
  eventually(() => queue.bodies().length === 0, { what: 'an empty queue' });

describe('the feed', () => {
  it('scans at the start, then applies what the queue brings and deletes it', async () => {
    const [queue, { table, write }] = [await startQueue(), await registry()];
    await write(strategy({ id: 'a', registryVersion: 1 }));
    const { replica, feed, file } = await start({ queue, table, periods: SLOW });
    await eventually(() => replica.state === 'current');
    expect([...replica.replica.strategies.keys()]).toEqual(['a']);

    send(queue, strategy({ id: 'b', registryVersion: 2 }));
    await eventually(() => replica.replica.contiguous === 2);
    await isEmpty(queue);
    expect(feed.status()).toMatchObject({ state: 'current', version: 2, strategies: 2, scans: 1 });
    const saved = new RegistryReplica({ file, log: recordingLog() });
    await saved.load();
    expect(saved.replica).toEqual(replica.replica);
  });

  it('reads every page of a large registry', async () => {
    const { table, putRaw, putHead } = await registry();
    const tags = Array.from({ length: 20 }, (_, index) => `${index}-${'x'.repeat(2000)}`);
    const images = Array.from({ length: 60 }, (_, index) =>
      strategy({ id: `s${index}`, registryVersion: index + 1, tags }),
    );
    await Promise.all(images.map((image) => putRaw(image.id, image)));
    await putHead(60);
    const { scan, faults } = await scanRegistry(table, EMPTY_REPLICA, AbortSignal.timeout(10_000));
    expect(faults).toEqual([]);
    expect(scan.head).toBe(60);
    expect(scan.strategies).toHaveLength(60);
  });

  it('sees by the head what the queue lost', async () => {
    const [queue, { table, write }] = [await startQueue(), await registry()];
    const { replica, log } = await start({ queue, table, periods: QUICK });
    await eventually(() => replica.state === 'current');
    await write(strategy({ id: 'lost', registryVersion: 1 }));
    await eventually(() => replica.replica.strategies.has('lost'));
    const reasons = log.entries.flatMap(({ event, fields }) =>
      event === 'registry-scanned' ? [fields.reason] : [],
    );
    expect(reasons).toEqual(['boot', 'lag']);
  });

  it('says how many versions it lacks while the queue has not brought them', async () => {
    const [queue, { table, write }] = [await startQueue(), await registry()];
    const { feed, replica } = await start({ queue, table, periods: { ...QUICK, lagMaxMs: 600_000 } });
    expect(feed.status().lag).toBeUndefined();
    await eventually(() => feed.status().lag === 0);
    const [first, second] = [1, 2].map((registryVersion) => strategy({ id: 'late', registryVersion }));
    if (first === undefined || second === undefined) throw new Error('two images');
    await write(second);
    await eventually(() => feed.status().lag === 2);
    send(queue, first);
    await eventually(() => feed.status().lag === 1);
    send(queue, second);
    await eventually(() => replica.replica.contiguous === 2);
    expect(feed.status().lag).toBe(0);
  });

  it('scans when a version below one that it saw does not come', async () => {
    const [queue, { table, write }] = [await startQueue(), await registry()];
    const { replica, log } = await start({ queue, table, periods: { ...SLOW, gapMaxMs: 30 } });
    await eventually(() => replica.state === 'current');
    const [lost, seen] = [
      strategy({ id: 'lost', registryVersion: 1 }),
      strategy({ id: 'seen', registryVersion: 2 }),
    ];
    await write(lost);
    await write(seen);
    send(queue, seen);
    await eventually(() => replica.replica.contiguous === 2);
    expect([...replica.replica.strategies.keys()].toSorted()).toEqual(['lost', 'seen']);
    expect(log.entries.at(-1)).toMatchObject({ event: 'registry-scanned', fields: { reason: 'gap' } });
  });

  it('follows a table that was put back from a backup', async () => {
    const [queue, { table, write, putHead }] = [await startQueue(), await registry()];
    await write(strategy({ id: 'a', registryVersion: 9 }));
    const { replica } = await start({ queue, table, periods: QUICK });
    await eventually(() => replica.replica.contiguous === 9);
    await write(strategy({ id: 'a', registryVersion: 4, priority: 1 }));
    await putHead(4);
    await eventually(() => replica.replica.contiguous === 4);
    expect(replica.replica.strategies.get('a')).toMatchObject({ priority: 1 });
  });

  it('counts, logs and deletes what it cannot decode', async () => {
    const [queue, { table }] = [await startQueue(), await registry()];
    const { feed, log } = await start({ queue, table, periods: SLOW });
    queue.server.sendMessage('queue', 'not json');
    send(queue, strategy({ id: 'spaces are not allowed' }));
    await eventually(() => feed.status().undecodable === 2);
    await isEmpty(queue);
    expect(log.entries.filter(({ event }) => event === 'feed-message-undecodable')).toHaveLength(2);
  });

  it('keeps the image it had of an item that cannot be decoded', async () => {
    const [queue, { table, write, putRaw }] = [await startQueue(), await registry()];
    await write(strategy({ id: 'a', registryVersion: 1 }));
    await write(strategy({ id: 'b', registryVersion: 2 }));
    const { replica, log } = await start({
      queue,
      table,
      periods: { ...SLOW, headPeriodMs: 40, lagMaxMs: 40 },
    });
    await eventually(() => replica.replica.contiguous === 2);
    await putRaw('a', { id: 'a', legs: 'by hand' });
    await write(strategy({ id: 'c', registryVersion: 3 }));
    await eventually(() => replica.replica.strategies.has('c'));
    expect([...replica.replica.strategies.keys()].toSorted()).toEqual(['a', 'b', 'c']);
    expect(log.entries).toContainEqual(expect.objectContaining({ event: 'registry-item-undecodable' }));
  });

  it('goes on with the last known good while the cloud is away, shows the fault, and recovers', async () => {
    const [queue, { table, write }] = [await startQueue(), await registry()];
    await write(strategy({ id: 'a', registryVersion: 1 }));
    const first = await start({ queue, table, periods: SLOW });
    await eventually(() => first.replica.state === 'current');
    await first.feed.stop();

    const { port } = queue.server;
    await queue.server.stop();
    const { replica, feed } = await start({ queue, table, periods: SLOW, file: first.file });
    expect(replica.state).toBe('stale');
    expect(replica.replica.strategies.has('a')).toBe(true);
    await eventually(() => feed.status().lastFault?.includes('ECONNREFUSED'));
    const back = await startQueue({ port });
    send(back, strategy({ id: 'b', registryVersion: 2 }));
    await eventually(() => replica.replica.strategies.has('b'));
    await eventually(() => feed.status().lastFault === undefined);
  });

  it('deletes nothing that it could not write to disk, and holds it in memory all the same', async () => {
    const [queue, { table }] = [await startQueue(), await registry()];
    const directory = join(testDirectory(), 'state');
    mkdirSync(directory);
    const file = join(directory, 'replica.json');
    const { replica, feed } = await start({ queue, table, periods: SLOW, file });
    await eventually(() => replica.state === 'current' && feed.status().lastFault === undefined);
    await replica.commit();
    // Where the temporary file would go there is a directory: a fault that root has too.
    mkdirSync(`${file}.${process.pid}.tmp`);
    send(queue, strategy({ id: 'a', registryVersion: 1 }));
    await eventually(() => replica.replica.strategies.has('a'));
    await eventually(() => feed.status().lastFault?.includes('could not be written'));
    expect(queue.bodies()).toHaveLength(1);
  });

  it('stops at once in the middle of a long poll', async () => {
    const [queue, { table }] = [await startQueue(), await registry()];
    const { replica, feed } = await start({ queue, table, periods: SLOW, longPollS: 20 });
    await eventually(() => replica.state === 'current');
    const begun = performance.now();
    await feed.stop();
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
