import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { clientsOf } from '../../local/aws/clients.ts';
import type { Clients } from '../../local/aws/cloud-types.ts';
import { withConditionalPuts } from '../../local/aws/conditional-put.ts';
import { startDynoxide } from '../../local/aws/dynoxide.ts';
import { type Emulator, type EmulatorRequest, openFauxqs } from '../../local/aws/emulators.ts';
import { FrontDoor } from '../../local/aws/front-door.ts';
import { Journal } from '../../local/aws/journal.ts';
import { withLargePuts } from '../../local/aws/large-put.ts';
import { createTables, TABLES } from './dynamodb.ts';

type Refusal = (request: EmulatorRequest) => boolean;

/** Embedded SQS, S3 and DynamoDB behind real sockets, with the tables of the stacks and one bucket. */
export interface TestServices extends AsyncDisposable {
  readonly clients: Clients;
  readonly documents: DynamoDBDocumentClient;
  readonly bucket: string;
  readonly tables: typeof TABLES;
  readonly endpoints: { readonly sqs: string; readonly s3: string; readonly dynamodb: string };
  /** Answers matching requests with AccessDenied, which no client tries again, until `undefined` is given. */
  refuse(service: 's3' | 'dynamodb' | 'sqs', refusal: Refusal | undefined): void;
  /** As after the start: nothing stored, nothing refused. Cheaper than another start for each test of a file. */
  reset(): Promise<void>;
  /** Calls of one operation so far, such as `PutObject`. */
  calls(operation: string): number;
  objectKeys(prefix?: string): Promise<string[]>;
  objectBytes(key: string): Promise<Uint8Array>;
}

const REGION = 'us-east-1';
const BUCKET = 'lake';

export async function startServices(): Promise<TestServices> {
  const dir = await mkdtemp(join(tmpdir(), 'slotwise-services-'));
  const refusals = new Map<string, Refusal>();
  const journal = new Journal();
  const fauxqs = await openFauxqs(join(dir, 'fauxqs'));
  const emulators = {
    sqs: fauxqs,
    s3: withConditionalPuts(withLargePuts(fauxqs)),
    dynamodb: await startDynoxide(join(dir, 'dynoxide')),
  };
  const doors = (['sqs', 's3', 'dynamodb'] as const).map((service) => {
    const emulator = refusable(emulators[service], (request) => refusals.get(service)?.(request) ?? false);
    return new FrontDoor({ service, region: REGION, journal, emulator });
  });
  await Promise.all(doors.map((door) => door.start()));
  const [sqs = '', s3 = '', dynamodb = ''] = doors.map((door) => door.origin);
  const endpoints = { sqs, s3, dynamodb };
  const clients = clientsOf('test', { endpoints, region: REGION });
  await clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await createTables(clients.dynamodb);

  const objectKeys = async (prefix = '') => {
    const listed = await clients.s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
    return (listed.Contents ?? []).map(({ Key = '' }) => Key);
  };

  return {
    clients,
    documents: DynamoDBDocumentClient.from(clients.dynamodb, {
      marshallOptions: { removeUndefinedValues: true },
    }),
    bucket: BUCKET,
    tables: TABLES,
    endpoints,
    refuse: (service, refusal) => {
      if (refusal === undefined) refusals.delete(service);
      else refusals.set(service, refusal);
    },
    calls: (operation) => journal.count({ operation }),
    objectKeys,
    reset: async () => {
      refusals.clear();
      for (const Key of await objectKeys()) {
        await clients.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
      }
      for (const TableName of Object.values(TABLES)) {
        await clients.dynamodb.send(new DeleteTableCommand({ TableName }));
      }
      await createTables(clients.dynamodb);
    },
    objectBytes: async (key) => {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    async [Symbol.asyncDispose]() {
      clients[Symbol.dispose]();
      await Promise.all(doors.map((door) => door.stop()));
      await Promise.all([emulators.dynamodb.close(), fauxqs.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function refusable(emulator: Emulator, refuses: Refusal): Emulator {
  return {
    close: () => emulator.close(),
    handle: async (request) => {
      if (!refuses(request)) return emulator.handle(request);
      const isJson = request.headers['x-amz-target'] !== undefined;
      const body = isJson
        ? JSON.stringify({ __type: 'AccessDeniedException', message: 'refused by the test' })
        : '<Error><Code>AccessDenied</Code><Message>refused by the test</Message></Error>';
      return { status: isJson ? 400 : 403, headers: {}, body: Buffer.from(body) };
    },
  };
}
