import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTimeOf } from '../../cli/process.ts';
import { RegistryStore } from '../../cli/registry/store.ts';
import { DEFAULT_DIR } from '../../cli/target.ts';
import { LOCAL_RUN, type LocalRun } from '../../shared/local-run.ts';
import { OUTPUTS } from '../../shared/names.ts';
import { createTables, startDynamoDb, TABLES, type TestDynamoDb } from '../support/dynamodb.ts';
import { startS3, type TestS3 } from '../support/s3.ts';

/** A directory in which a local run is recorded as alive: this process, with the services that a command needs. */
export interface TestRun extends AsyncDisposable {
  /** A working directory with `.slotwise` in it. */
  readonly cwd: string;
  readonly dynamodb: TestDynamoDb;
  readonly s3: TestS3;
  readonly store: RegistryStore;
  record(change: Partial<LocalRun>): Promise<void>;
}

export async function startTestRun(): Promise<TestRun> {
  const cwd = await mkdtemp(join(tmpdir(), 'slotwise-cli-'));
  const [dynamodb, s3] = await Promise.all([startDynamoDb(), startS3()]);
  await createTables(dynamodb.client);
  const dir = join(cwd, DEFAULT_DIR);
  await mkdir(dir);
  await writeFile(join(dir, LOCAL_RUN.outputsFile), outputsText({ bucket: s3.bucket }));
  const record = async (change: Partial<LocalRun>) => {
    await writeFile(
      join(dir, LOCAL_RUN.file),
      JSON.stringify({
        ...aliveRun(),
        endpoints: { sqs: s3.endpoint, s3: s3.endpoint, dynamodb: dynamodb.endpoint },
        ...change,
      }),
    );
  };
  await record({});
  return {
    cwd,
    dynamodb,
    s3,
    store: new RegistryStore({ client: dynamodb.documents, table: TABLES.registry }),
    record,
    async [Symbol.asyncDispose]() {
      await Promise.all([dynamodb[Symbol.asyncDispose](), s3[Symbol.asyncDispose]()]);
      await rm(cwd, { recursive: true, force: true });
    },
  };
}

/** A record of this very process. */
export function aliveRun(): LocalRun {
  return {
    schema: 1,
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    startedAt: '2026-11-20T15:00:00.000Z',
    children: [],
    bridges: [],
  };
}

export function outputsText(options: { readonly bucket: string }): string {
  return JSON.stringify({
    'slotwise-state': {
      [OUTPUTS.region]: 'us-east-1',
      [OUTPUTS.snapshotQueueUrl]: 'http://127.0.0.1:1/snapshots',
      [OUTPUTS.snapshotDeadLetterQueueUrl]: 'http://127.0.0.1:1/dead',
      [OUTPUTS.feedQueueUrls]: '{"home":"http://127.0.0.1:1/feed"}',
      [OUTPUTS.registryTable]: TABLES.registry,
      [OUTPUTS.positionsTable]: TABLES.positions,
      [OUTPUTS.auditTable]: TABLES.audit,
      [OUTPUTS.lakeBucket]: options.bucket,
    },
  });
}
