import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { progressOf } from '../../bench/drain-backlog/fairness.ts';
import { drainBacklog } from '../../bench/drain-backlog/run.ts';
import { backlogConId, HOT_CON_ID } from '../../bench/drain-backlog/traffic.ts';
import { bundleHandler } from '../../infra/constructs/bundle.ts';
import { AUDIT, FUNCTION_ENV, OUTPUTS, POSITIONS } from '../../shared/names.ts';
import {
  arnOf,
  lambda,
  mapping,
  queue,
  queueWithDeadLetters,
  table,
  writeAssembly,
} from '../local/aws/support/assembly.ts';
import { testDirectory } from '../support/directory.ts';

const MESSAGES = 600;

/** One batch writes more positions at once than a partition serves in a second. */
const THROUGHPUT = { partitions: 4, writesPerSecond: 25, readsPerSecond: 100 };

/** The drain between its stores, and no more: what CDK makes of all of it is measured by the command. */
function writeDrainStack(directory: string): string {
  const outfile = join(directory, 'bundle', 'index.mjs');
  bundleHandler({ entry: 'functions/drain/handler.ts', outfile });
  const key = (name: string, type: string, kind: string) => ({
    schema: { AttributeName: name, KeyType: kind },
    definition: { AttributeName: name, AttributeType: type },
  });
  const keys = (...parts: ReturnType<typeof key>[]) => ({
    KeySchema: parts.map(({ schema }) => schema),
    AttributeDefinitions: parts.map(({ definition }) => definition),
  });
  const ref = (Ref: string) => ({ Value: { Ref } });
  return writeAssembly(join(directory, 'cdk.out'), [
    {
      resources: {
        Snapshots: queueWithDeadLetters('Dead', 5, { VisibilityTimeout: 185 }),
        Dead: queue(),
        Lake: { Type: 'AWS::S3::Bucket', Properties: {} },
        Positions: table(
          keys(key(POSITIONS.partitionKey, 'S', 'HASH'), key(POSITIONS.sortKey, 'N', 'RANGE')),
        ),
        Audit: table(keys(key(AUDIT.partitionKey, 'S', 'HASH'))),
        Drain: lambda('drain', {
          Timeout: 30,
          MemorySize: 512,
          Environment: {
            Variables: {
              [FUNCTION_ENV.lakeBucket]: { Ref: 'Lake' },
              [FUNCTION_ENV.positionsTable]: { Ref: 'Positions' },
              [FUNCTION_ENV.auditTable]: { Ref: 'Audit' },
            },
          },
        }),
        Map: mapping('Drain', arnOf('Snapshots'), { BatchSize: 50, MaximumBatchingWindowInSeconds: 1 }),
      },
      outputs: {
        [OUTPUTS.region]: { Value: 'us-east-1' },
        [OUTPUTS.snapshotQueueUrl]: ref('Snapshots'),
        [OUTPUTS.snapshotDeadLetterQueueUrl]: ref('Dead'),
        [OUTPUTS.feedQueueUrls]: { Value: '{}' },
        [OUTPUTS.registryTable]: { Value: 'none' },
        [OUTPUTS.positionsTable]: ref('Positions'),
        [OUTPUTS.auditTable]: ref('Audit'),
        [OUTPUTS.lakeBucket]: ref('Lake'),
      },
      assets: { drain: { 'index.mjs': readFileSync(outfile, 'utf8') } },
    },
  ]);
}

describe('a backlog of which half is one contract', () => {
  it('is stored once and in time for live snapshots, over tables that throttle, and no message is given back', async () => {
    const directory = testDirectory();
    const said: string[] = [];
    const figures = await drainBacklog({
      assembly: writeDrainStack(directory),
      directory,
      messages: MESSAGES,
      throughput: THROUGHPUT,
      concurrency: 3,
      say: (text) => said.push(text),
      signal: AbortSignal.timeout(100_000),
    });
    expect(figures.complaints, said.join('\n')).toEqual([]);
    expect(figures.tables.positions?.throttled).toBeGreaterThan(0);
    expect(figures.givenBack).toBe(0);
    expect(figures.live.stored).toBe(figures.live.sent);
    expect(figures.invocations).toMatchObject({ failed: 0, timeouts: 0 });
    // Each of the others is in every 398th message: its state is no further behind than a turn and what is in work.
    expect(figures.fairness.at(-1)?.othersMedian).toBeGreaterThan(0.2);
  }, 110_000);

  it('is half of one contract, and every other has its turn', () => {
    const conIds = Array.from({ length: 398 * 2 }, (_, index) => backlogConId(index + 1));
    expect(conIds.filter((conId) => conId === HOT_CON_ID)).toHaveLength(398);
    expect(new Set(conIds).size).toBe(200);
  });

  it('counts a contract without a state as one that has not begun', () => {
    const conIds = [HOT_CON_ID, 1, 2, 3];
    const seqs = new Map([
      [HOT_CON_ID, 50],
      [1, 100],
      [2, 40],
    ]);
    expect(progressOf(seqs, { conIds, messages: 100 })).toEqual({
      hot: 0.5,
      othersSlowest: 0,
      othersMedian: 0.4,
    });
  });
});
