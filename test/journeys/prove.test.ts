import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatherEvidence, readHorizonMs } from '../../cli/verify/gather.ts';
import { type Verification, verify } from '../../cli/verify/verify.ts';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { DRAIN } from '../../shared/limits.ts';
import { snapshotId } from '../../shared/snapshot.ts';
import { eventually } from '../support/eventually.ts';
import { System } from './system.ts';

const portfolio = generatePortfolio({ seed: 11, positions: 30, condors: 1, accounts: ['DU1111111'] });

describe('the proof of a run on one machine', () => {
  let system: System;
  let gateway: SimulatedGateway;
  let horizonMs: number;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home'] });
    gateway = await system.gateway({ portfolio });
    await system.register(portfolio.condors);
    const { sqs } = system.cloud.clients('test');
    horizonMs = await readHorizonMs(sqs, system.cloud.outputs.snapshotQueueUrl);
  }, 60_000);
  afterAll(() => system?.[Symbol.asyncDispose]());

  /** @param laterMs as if asked so much later */
  async function proof(laterMs = 0): Promise<Verification> {
    const evidence = await gatherEvidence({
      s3: system.cloud.clients('test').s3,
      bucket: system.cloud.outputs.lakeBucket,
      cacheDirectory: join(system.directory, 'lake'),
    });
    return verify(evidence, { nowMs: Date.now() + laterMs, horizonMs });
  }

  const proven = (verdict: Verification['verdict'], epochs: number) =>
    eventually(
      async () => {
        const found = await proof();
        return found.verdict === verdict && found.epochs.length === epochs ? found : undefined;
      },
      { what: `${epochs} epochs and ${verdict}`, deadlineMs: 20_000 },
    );

  /** Runs a bridge until it has recorded something, and lets it end. */
  async function runBridge(end: 'stop' | 'kill'): Promise<string> {
    const bridge = await system.bridge('home', gateway);
    const { outbox } = await bridge.until(
      ({ outbox: { produced, sent } }) => produced > 0 && sent > 0,
      'something recorded and something sent',
    );
    await bridge[end]();
    return outbox.epoch;
  }

  it('takes the tries and the visibility timeout off the queue', () => {
    expect(horizonMs).toBe((19 * 2 + DRAIN.batchWindowS) * 1000);
  });

  it('is balanced over every start of the bridge once it has ended, one of them a kill -9', async () => {
    const killed = await runBridge('kill');
    const stopped = await runBridge('stop');
    const { epochs } = await proven('balanced', 2);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([killed, stopped]);
    for (const { produced, stored } of epochs) {
      expect(produced).toBeGreaterThan(0);
      expect(stored).toBe(produced);
    }
  }, 60_000);

  it('is never called balanced after the outbox was torn, and never says what is not known', async () => {
    const outbox = join(system.directory, 'bridge', 'home', 'outbox.db');
    truncateSync(outbox, 5000);
    await runBridge('stop');
    const { epochs } = await proven('balanced except an unknown tail', 3);
    expect(epochs.map(({ hasUnknownTail }) => hasUnknownTail)).toEqual([false, true, false]);
  }, 60_000);

  it('names every id of a raw object that is deleted, and nothing else', async () => {
    const [{ object_key: key } = {}] = await system.ask(
      'select object_key from raw group by 1 order by count(*) desc limit 1',
    );
    const rows = await system.ask(
      `select distinct snapshot_id from raw where object_key = '${key}'
       and snapshot_id not in (select snapshot_id from raw where object_key <> '${key}')`,
    );
    expect(rows.length).toBeGreaterThan(0);
    const { s3 } = system.cloud.clients('test');
    await s3.send(new DeleteObjectCommand({ Bucket: system.cloud.outputs.lakeBucket, Key: String(key) }));

    const found = await proof(horizonMs);
    expect(found.verdict).toBe('lost');
    const lost = found.epochs.flatMap(({ bridge, epoch, lostRanges }) =>
      lostRanges.flatMap(({ first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) =>
          snapshotId({ bridge, epoch, seq: first + index }),
        ),
      ),
    );
    expect(lost.toSorted()).toEqual(rows.map(({ snapshot_id: id }) => String(id)).toSorted());
  });
});
