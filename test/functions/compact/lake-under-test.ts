import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import { openLake } from '../../../cli/lake/lake.ts';
import type { DayRange } from '../../../cli/lake/objects.ts';
import { compact, type Pass, type PassOutcome } from '../../../functions/compact/compact.ts';
import type { Work } from '../../../functions/compact/day.ts';
import { DeltaTable } from '../../../functions/compact/delta-table.ts';
import { Objects } from '../../../functions/compact/objects.ts';
import { Workbench } from '../../../functions/compact/workbench.ts';
import { encodeRows, toRow } from '../../../functions/drain/parquet.ts';
import { Lake } from '../../../functions/lake.ts';
import { clientsOf } from '../../../local/aws/clients.ts';
import { type Action, readCommit } from '../../../shared/delta/actions.ts';
import { commitKey, LOG_PREFIX } from '../../../shared/delta/log.ts';
import { sha256 } from '../../../shared/digest.ts';
import { rawKey } from '../../../shared/names.ts';
import { type Delivery, putRawObject } from '../../cli/lake/rows.ts';
import type { TestServices } from '../../support/services.ts';
import { snapshot } from '../../support/snapshots.ts';

export const DAY = '2026-11-20';
/** The evening of the day, so that an hourly pass takes it for today. */
const EVENING_MS = Date.parse(`${DAY}T22:00:00.000Z`);
export const NEXT_NIGHT_MS = Date.parse('2026-11-21T01:37:00.000Z');
export const GRACE_MS = 7 * 86_400_000;

type Client = ReturnType<typeof clientsOf>['s3'];

export interface PassOptions
  extends Partial<Pick<Work, 'nowMs' | 'batchObjects' | 'openObjects' | 'hasTime'>> {
  /** To a client of its own, before it is used: a hook into what it sends. */
  readonly prepare?: (client: Client) => void;
}

/** Passes of the compactor over an embedded S3, and what a reader finds after them. */
export class LakeUnderTest {
  readonly #services: TestServices;

  constructor(services: TestServices) {
    this.#services = services;
  }

  /** One raw object of these snapshots by their numbers, as a batch of the drain would be. */
  put(...seqs: readonly number[]): Promise<string> {
    return this.deliver(...seqs.map((seq) => ({ snapshot: snapshotAt(seq) })));
  }

  deliver(...deliveries: readonly Delivery[]): Promise<string> {
    return putRawObject(this.#services.clients.s3, this.#services.bucket, deliveries);
  }

  /** One raw object as a drain of another version would have written it. @param selected SQL: its columns */
  async putAs(seq: number, selected: string): Promise<void> {
    const snapshot = snapshotAt(seq);
    const digest = sha256(JSON.stringify(snapshot));
    const directory = await mkdtemp(join(tmpdir(), 'slotwise-evolution-'));
    const [from, to] = [join(directory, 'from.parquet'), join(directory, 'to.parquet')];
    const instance = await DuckDBInstance.create();
    try {
      await writeFile(from, encodeRows([toRow({ snapshot, receivedAt: snapshot.observedAt, digest })]));
      const connection = await instance.connect();
      await connection.run(`COPY (SELECT ${selected} FROM '${from}') TO '${to}' (FORMAT parquet)`);
      connection.closeSync();
      const { clients, bucket: Bucket } = this.#services;
      const Key = rawKey(DAY, sha256(`${seq} ${selected}`));
      await clients.s3.send(new PutObjectCommand({ Bucket, Key, Body: await readFile(to) }));
    } finally {
      instance.closeSync();
      await rm(directory, { recursive: true, force: true });
    }
  }

  async pass(pass: Pass, options: PassOptions = {}): Promise<PassOutcome> {
    const { endpoints, bucket } = this.#services;
    const { prepare, ...rest } = options;
    using clients = clientsOf('test', { endpoints, region: 'us-east-1' });
    prepare?.(clients.s3);
    const objects = new Objects(clients.s3, bucket);
    await using bench = await Workbench.open();
    const work: Work = {
      objects,
      table: new DeltaTable(objects, new Lake(clients.s3, bucket)),
      bench,
      nowMs: pass === 'hourly' ? EVENING_MS : NEXT_NIGHT_MS,
      graceMs: GRACE_MS,
      batchObjects: 5000,
      openObjects: 250,
      hasTime: () => true,
      ...rest,
    };
    return await compact(work, pass);
  }

  /** @param days that the reader asks about; default all */
  async query(sql: string, days: DayRange = {}): Promise<readonly (readonly unknown[])[]> {
    const cacheDirectory = await mkdtemp(join(tmpdir(), 'slotwise-lake-'));
    try {
      const { clients, bucket } = this.#services;
      await using lake = await openLake({ s3: clients.s3, bucket, cacheDirectory, days });
      return (await lake.query(sql)).rows;
    } finally {
      await rm(cacheDirectory, { recursive: true, force: true });
    }
  }

  /** Numbers that a view of the lake shows, in order, each as often as it is there. */
  async seqs(view: 'compacted' | 'snapshots' | 'raw' | 'conflicts'): Promise<number[]> {
    const rows = await this.query(`SELECT seq FROM ${view} ORDER BY seq`);
    return rows.map(([seq]) => Number(seq));
  }

  async commits(): Promise<Action[][]> {
    const keys = (await this.#services.objectKeys(LOG_PREFIX)).filter((key) => key.endsWith('.json'));
    return Promise.all(
      keys.map(async (_, version) => {
        const bytes = await this.#services.objectBytes(commitKey(version));
        return readCommit(String(version), Buffer.from(bytes).toString());
      }),
    );
  }
}

/** Three accounts, later numbers observed later; all on one UTC day up to 86,399. */
export function snapshotAt(seq: number) {
  const observedAt = new Date(Date.parse(`${DAY}T00:00:00.000Z`) + seq * 1000).toISOString();
  return snapshot({ seq, observedAt, account: `DU900000${seq % 3}`, mark: { bid: seq / 7, at: observedAt } });
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
