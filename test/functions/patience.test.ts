import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
  ThrottlingException,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Patience, retryTransient } from '../../functions/patience.ts';
import { startDynoxide } from '../../local/aws/dynoxide.ts';
import { FrontDoor } from '../../local/aws/front-door.ts';
import { Journal } from '../../local/aws/journal.ts';
import { type ThrottledTables, withThrottling } from '../../local/aws/throttle.ts';
import { temporaryDirectory } from '../local/aws/support/temporary.ts';
import { eventually } from '../support/eventually.ts';

/** One partition: whatever is written meets whatever else is written. Few, so that no machine is too slow for it. */
const THROUGHPUT = { partitions: 1, writesPerSecond: 10, readsPerSecond: 1000 };
const ATTEMPTS = 3;

const opened = new AsyncDisposableStack();
let tables: ThrottledTables;
let endpoint: string;
let admin: DynamoDBClient;

beforeAll(async () => {
  const dir = opened.use(temporaryDirectory());
  const dynoxide = opened.adopt(await startDynoxide(dir.path), (each) => each.close());
  tables = withThrottling(dynoxide, { throughput: THROUGHPUT });
  const door = new FrontDoor({
    service: 'dynamodb',
    region: 'us-east-1',
    journal: new Journal(),
    emulator: tables.emulator,
  });
  await door.start();
  opened.defer(() => door.stop());
  endpoint = door.origin;
  admin = opened.adopt(clientAt(endpoint), (each) => each.destroy());
});

afterAll(() => opened.disposeAsync());

function clientAt(at: string): DynamoDBClient {
  return new DynamoDBClient({
    region: 'us-east-1',
    endpoint: at,
    retryStrategy: retryTransient(ATTEMPTS),
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
}

async function tableNamed(TableName: string): Promise<string> {
  await admin.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    }),
  );
  return TableName;
}

/** A client as the drain has one, with so much patience from now on. */
function patientClient(ms: number, at = endpoint): DynamoDBClient {
  const client = clientAt(at);
  onTestFinished(() => client.destroy());
  const patience = new Patience();
  patience.attach(client);
  patience.begin(ms);
  return client;
}

function put(client: DynamoDBClient, TableName: string, id: string): Promise<unknown> {
  return client.send(new PutItemCommand({ TableName, Item: { id: { S: id } } }));
}

/** @returns the address of a service that answers as told */
async function serve(answer: (body: string) => Promise<{ status: number; body: object }>): Promise<string> {
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(await text(request));
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address on 127.0.0.1');
  return `http://127.0.0.1:${address.port}`;
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `item-${index}`);

describe('patience with a table that throttles', () => {
  it('brings every write through, those of several processes at once', async () => {
    const table = await tableNamed('crowded');
    const clients = [patientClient(30_000), patientClient(30_000)];
    await Promise.all(ids(30).map((id, index) => put(clients[index % 2] ?? admin, table, id)));
    const { Count } = await admin.send(new ScanCommand({ TableName: table }));
    expect(Count).toBe(30);
    expect(tables.loads()[table]?.throttled).toBeGreaterThan(0);
  });

  it('asks less at once from then on, in the next batch too', async () => {
    const REFUSALS = 30;
    let asked = 0;
    let inFlight = 0;
    let peak = 0;
    const address = await serve(async () => {
      asked += 1;
      inFlight += 1;
      peak = Math.max(peak, inFlight);
      const isRefused = asked <= REFUSALS;
      // As far as AWS is away: who asks at once is there at once.
      await delay(100);
      inFlight -= 1;
      return isRefused ? { status: 400, body: { __type: 'ThrottlingException' } } : { status: 200, body: {} };
    });
    const client = patientClient(30_000, address);
    const peakOf = async (count: number) => {
      peak = 0;
      await Promise.all(ids(count).map((id) => put(client, 'any', id)));
      return peak;
    };
    expect(await peakOf(30)).toBe(30);
    expect(await peakOf(30)).toBeLessThan(20);
    expect(asked).toBe(REFUSALS + 60);
  });

  it("ends in time, with the table's own word for it", async () => {
    const table = await tableNamed('given-up');
    const client = patientClient(300);
    const outcomes = await Promise.allSettled(ids(30).map((id) => put(client, table, id)));
    const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toBeInstanceOf(ThrottlingException);
  });

  it('holds up no other table', async () => {
    const CROWD = 30;
    let busyAsked = 0;
    let isCalmServed = false;
    const address = await serve(async (body) => {
      if (body.includes('calm')) isCalmServed = true;
      else busyAsked += 1;
      return isCalmServed
        ? { status: 200, body: {} }
        : { status: 400, body: { __type: 'ThrottlingException' } };
    });
    const client = patientClient(30_000, address);
    const crowd = Promise.all(ids(CROWD).map((id) => put(client, 'busy', id)));
    // Every one was refused, and by now nearly all of them stand in line.
    await eventually(() => busyAsked >= CROWD + 5, { deadlineMs: 30_000 });
    const before = busyAsked;
    await put(client, 'calm', 'item');
    expect(busyAsked - before).toBeLessThan(CROWD / 2);
    await crowd;
  });
});

describe('patience with a service that fails', () => {
  it.each([
    [503, ATTEMPTS],
    [400, 1],
  ])('sends a call that is answered with %i %i times', async (status, times) => {
    let asked = 0;
    const address = await serve(async () => {
      asked += 1;
      return { status, body: { __type: 'SomethingElse' } };
    });
    const client = patientClient(30_000, address);
    await expect(put(client, 'any', 'item')).rejects.toThrow();
    expect(asked).toBe(times);
  });
});
