import { batchDigest } from '../../shared/digest.ts';
import { rawKey, utcDay } from '../../shared/names.ts';
import type { Audit } from '../audit.ts';
import type { Lake } from '../lake.ts';
import { describeFault } from '../log.ts';
import { type Candidate, compareText, conflict, type Failure } from './judge.ts';
import { encodeRows, type Row, toRow } from './parquet.ts';
import { newestOfEach, type Positions, positionKey } from './positions.ts';

export interface DrainStores {
  readonly lake: Lake;
  readonly positions: Positions;
  readonly audit: Audit;
}

/** What a step let pass, and what it did not. */
interface Step<T> {
  readonly passed: readonly T[];
  readonly failures: readonly Failure[];
}

export interface Stored {
  readonly candidate: Candidate;
  readonly objectKey: string;
}

interface Shaped {
  readonly candidate: Candidate;
  readonly row: Row;
}

/**
 * Object, then state, then audit: each step takes what the one before let pass, so that a mark never stands before
 * its data, and what fails in the middle is whole again after a retry, because every step can be repeated.
 */
export async function storeSnapshots(
  candidates: readonly Candidate[],
  stores: DrainStores,
): Promise<Step<Stored>> {
  const shaped = shapeRows(candidates);
  const put = await putDays(shaped.passed, stores.lake);
  const applied = await applyState(put.passed, stores.positions);
  const marked = await markStored(applied.passed, stores.audit);
  const failures = [shaped, put, applied, marked].flatMap((step) => step.failures);
  return { passed: marked.passed, failures };
}

function shapeRows(candidates: readonly Candidate[]): Step<Shaped> {
  const passed: Shaped[] = [];
  const failures: Failure[] = [];
  for (const candidate of candidates) {
    const { snapshot, received } = candidate;
    try {
      const row = toRow({ snapshot, receivedAt: received.sentAt, digest: received.decoded.digest });
      passed.push({ candidate, row });
    } catch (fault) {
      failures.push(...failing(candidate, describeFault(fault)));
    }
  }
  return { passed, failures };
}

/** One object per UTC day of observation; a day that cannot be written takes only its own records with it. */
async function putDays(shaped: readonly Shaped[], lake: Lake): Promise<Step<Stored>> {
  const days = Map.groupBy(shaped, ({ candidate }) => utcDay(candidate.snapshot.observedAt));
  const steps = [...days].map(async ([day, rows]): Promise<Step<Stored>> => {
    const sorted = rows.toSorted((left, right) => compareRows(left.candidate, right.candidate));
    const digests = sorted.map(({ candidate: { snapshot, received } }) => ({
      id: snapshot.id,
      digest: received.decoded.digest,
    }));
    const key = rawKey(day, batchDigest(digests));
    try {
      const body = encodeRows(sorted.map(({ row }) => row));
      await lake.putOnce({ key, body, contentType: 'application/vnd.apache.parquet' });
      return { passed: sorted.map(({ candidate }) => ({ candidate, objectKey: key })), failures: [] };
    } catch (fault) {
      const cause = `the lake did not take ${key}: ${describeFault(fault)}`;
      return { passed: [], failures: sorted.flatMap(({ candidate }) => failing(candidate, cause)) };
    }
  });
  return merged(await Promise.all(steps));
}

/** Sorted as the compacted table will be: by account, time and id. */
function compareRows({ snapshot: left }: Candidate, { snapshot: right }: Candidate): number {
  return (
    compareText(left.account, right.account) ||
    compareText(left.observedAt, right.observedAt) ||
    compareText(left.id, right.id)
  );
}

/** Only the newest of each contract is written; when that fails, all of the contract's records are tried again. */
async function applyState(stored: readonly Stored[], positions: Positions): Promise<Step<Stored>> {
  const byId = new Map(stored.map(({ candidate }) => [candidate.snapshot.id, candidate]));
  const faults = new Map<string, string>();
  const writes = newestOfEach(stored.map(({ candidate }) => candidate.snapshot)).map(async (snapshot) => {
    try {
      await positions.putNewer(snapshot, byId.get(snapshot.id)?.received.sentAt ?? snapshot.observedAt);
    } catch (fault) {
      faults.set(positionKey(snapshot), describeFault(fault));
    }
  });
  await Promise.all(writes);
  const isAtFault = ({ candidate }: Stored) => faults.has(positionKey(candidate.snapshot));
  return {
    passed: stored.filter((one) => !isAtFault(one)),
    failures: stored.filter(isAtFault).flatMap(({ candidate }) => {
      const fault = faults.get(positionKey(candidate.snapshot));
      return failing(candidate, `the position was not written: ${fault}`);
    }),
  };
}

async function markStored(stored: readonly Stored[], audit: Audit): Promise<Step<Stored>> {
  const marks = new Map(
    stored.map((one) => [{ received: one.candidate.received, objectKey: one.objectKey }, one]),
  );
  const outcomes = await audit.markStored([...marks.keys()]);
  const steps = [...marks].map(([mark, one]): Step<Stored> => {
    const outcome = outcomes.get(mark);
    const { received, copies } = one.candidate;
    if (outcome === 'marked') return { passed: [one], failures: [] };
    if (outcome === 'other-body') return { passed: [], failures: [received, ...copies].map(conflict) };
    const cause = `the audit did not take the mark: ${describeFault(outcome?.fault)}`;
    return { passed: [], failures: failing(one.candidate, cause) };
  });
  return merged(steps);
}

function failing(candidate: Candidate, cause: string): Failure[] {
  return [candidate.received, ...candidate.copies].map((received) => ({ received, cause }));
}

function merged<T>(steps: readonly Step<T>[]): Step<T> {
  return {
    passed: steps.flatMap((step) => step.passed),
    failures: steps.flatMap((step) => step.failures),
  };
}
