import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Action, writeCommit } from '../../shared/delta/actions.ts';
import { type Loaded, loadCommit, loadTable } from '../../shared/delta/load.ts';
import {
  applied,
  checkpointKey,
  commitKey,
  LAST_CHECKPOINT_KEY,
  type TableState,
} from '../../shared/delta/log.ts';
import { COMPACT } from '../../shared/limits.ts';
import type { Lake } from '../lake.ts';
import type { Objects } from './objects.ts';
import { checkpointActions, type Proposal } from './plan.ts';
import { literal, type Workbench } from './workbench.ts';

/** What others committed meanwhile makes the proposal untrue: look again at what is there. */
export type Outcome =
  | { readonly kind: 'committed'; readonly state: TableState }
  | { readonly kind: 'overtaken'; readonly state: TableState };

/**
 * The log of the Delta table. Its versions have no gap, and each is created by exactly one writer: who comes second
 * reads what came first and either follows it or begins anew.
 * https://github.com/delta-io/delta/blob/master/PROTOCOL.md#delta-log-entries
 */
export class DeltaTable {
  readonly #objects: Objects;
  readonly #lake: Lake;

  constructor(objects: Objects, lake: Lake) {
    this.#objects = objects;
    this.#lake = lake;
  }

  load(): Promise<Loaded> {
    return loadTable(this.#objects);
  }

  /**
   * Appends one version to the log, after whatever others have appended meanwhile.
   * @throws S3ServiceException or a network error when it is not known whether it is there: nothing else was changed
   */
  async commit(state: TableState, proposal: Proposal): Promise<Outcome> {
    const body = writeCommit(proposal.actions);
    let known = state;
    for (let attempt = 1; attempt <= COMPACT.attemptsMax; attempt += 1) {
      const version = known.version + 1;
      const put = await this.#lake.putOnce({
        key: commitKey(version),
        body,
        contentType: 'application/json',
      });
      if (put === 'written') return { kind: 'committed', state: applied(known, version, proposal.actions) };
      const theirs = await loadCommit(this.#objects, version);
      known = applied(known, version, theirs);
      // The answer to an earlier try of this very put was lost.
      if (isSame(theirs, proposal.actions)) return { kind: 'committed', state: known };
      if (!proposal.holdsAfter(theirs)) return { kind: 'overtaken', state: known };
    }
    throw new Error(`${COMPACT.attemptsMax} other commits came first: the next call tries again`);
  }

  /** Spares readers the log up to here. It says what the log says, so it does no harm where it is missing. */
  async writeCheckpoint(state: TableState, options: { bench: Workbench; nowMs: number }): Promise<void> {
    const { bench, nowMs } = options;
    const directory = await bench.emptied('checkpoint');
    const source = join(directory, 'actions.json');
    const target = join(directory, 'checkpoint.parquet');
    const actions = checkpointActions(state, nowMs - COMPACT.graceS * 1000);
    await writeFile(source, writeCommit(actions));
    const columns = Object.entries(CHECKPOINT_COLUMNS).map(([name, type]) => `"${name}": ${literal(type)}`);
    await bench.run(
      `COPY (FROM read_json(${literal(source)}, format = 'newline_delimited', columns = {${columns.join(', ')}}))
       TO ${literal(target)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    await this.#objects.putFile(checkpointKey(state.version), target);
    const hint = { version: state.version, size: actions.length };
    await this.#objects.put(LAST_CHECKPOINT_KEY, JSON.stringify(hint));
  }
}

function isSame(theirs: readonly Action[], ours: readonly Action[]): boolean {
  const idOf = (actions: readonly Action[]) =>
    actions.find(({ commitInfo }) => commitInfo)?.commitInfo?.txnId;
  return idOf(ours) !== undefined && idOf(theirs) === idOf(ours);
}

/** https://github.com/delta-io/delta/blob/master/PROTOCOL.md#checkpoint-schema */
const CHECKPOINT_COLUMNS = {
  txn: 'STRUCT("appId" VARCHAR, "version" BIGINT, "lastUpdated" BIGINT)',
  add: `STRUCT("path" VARCHAR, "partitionValues" MAP(VARCHAR, VARCHAR), "size" BIGINT, "modificationTime" BIGINT,
    "dataChange" BOOLEAN, "stats" VARCHAR)`,
  remove: `STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN, "extendedFileMetadata" BOOLEAN,
    "partitionValues" MAP(VARCHAR, VARCHAR), "size" BIGINT)`,
  metaData: `STRUCT("id" VARCHAR, "format" STRUCT("provider" VARCHAR, "options" MAP(VARCHAR, VARCHAR)),
    "schemaString" VARCHAR, "partitionColumns" VARCHAR[], "configuration" MAP(VARCHAR, VARCHAR),
    "createdTime" BIGINT)`,
  protocol: 'STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER)',
} as const;
