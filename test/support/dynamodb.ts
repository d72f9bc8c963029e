import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { AUDIT, POSITIONS, REGISTRY } from '../../shared/names.ts';

/** Embedded DynamoDB in memory, on a port of its own, with the tables of the stacks: for tests of one part. */
export interface TestDynamoDb extends AsyncDisposable {
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  readonly documents: DynamoDBDocumentClient;
}

export const TABLES = { registry: 'registry', positions: 'positions', audit: 'audit' } as const;

const START_ATTEMPTS = 5;

/** @param dbPath a SQLite file; in memory without it */
export async function startDynamoDb(options: { readonly dbPath?: string } = {}): Promise<TestDynamoDb> {
  const binary = process.env.DYNOXIDE_BIN ?? 'node_modules/@dynoxide/linux-x64/dynoxide';
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      ...(options.dbPath === undefined ? [] : ['--db-path', options.dbPath]),
    ];
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    const listening = new Promise<boolean>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve(false));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          if (line.includes('listening on')) resolve(true);
        });
      }
    });
    if (!(await listening)) {
      // Somebody else took the port between the question and the answer.
      if (attempt < START_ATTEMPTS) continue;
      throw new Error(`dynoxide did not start in ${attempt} attempts`);
    }
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new DynamoDBClient({
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const documents = DynamoDBDocumentClient.from(client);
    return {
      endpoint,
      client,
      documents,
      async [Symbol.asyncDispose]() {
        client.destroy();
        child.kill('SIGKILL');
        await exited;
      },
    };
  }
}

/** Keys as the stacks have them; without streams, for tests that need none. */
export async function createTables(client: DynamoDBClient): Promise<void> {
  await createTable(client, TABLES.registry, [REGISTRY.partitionKey, 'S'], [REGISTRY.sortKey, 'S']);
  await createTable(client, TABLES.positions, [POSITIONS.partitionKey, 'S'], [POSITIONS.sortKey, 'N']);
  await createAuditTable(client);
}

async function createAuditTable(client: DynamoDBClient): Promise<void> {
  const keys = [AUDIT.partitionKey, AUDIT.failuresPartitionKey, AUDIT.failuresSortKey];
  await client.send(
    new CreateTableCommand({
      TableName: TABLES.audit,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [{ AttributeName: AUDIT.partitionKey, KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: AUDIT.failuresIndex,
          KeySchema: [
            { AttributeName: AUDIT.failuresPartitionKey, KeyType: 'HASH' },
            { AttributeName: AUDIT.failuresSortKey, KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
}

type Key = readonly [name: string, type: 'S' | 'N'];

export async function createTable(
  client: DynamoDBClient,
  name: string,
  partition: Key,
  sort?: Key,
): Promise<void> {
  const keys = sort === undefined ? [partition] : [partition, sort];
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: keys.map(([AttributeName], index) => ({
        AttributeName,
        KeyType: index === 0 ? 'HASH' : 'RANGE',
      })),
    }),
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
