import type { SQSRecord } from 'aws-lambda';
import type { AuditItem } from '../../shared/audit.ts';
import type { Drop, Heartbeat, Ledger } from '../../shared/message.ts';
import type { Audit } from '../audit.ts';
import type { Lake } from '../lake.ts';
import { describeFault } from '../log.ts';
import { type Received, receive } from '../received.ts';
import { declarationKey } from './declarations.ts';
import { newestHeartbeats } from './heartbeat.ts';
import { type Carried, type Failure, idsToRead, judge } from './judge.ts';
import type { Positions } from './positions.ts';
import { type DrainStores, storeSnapshots } from './store.ts';

export interface DrainOutcome {
  /** To be reported to SQS, which delivers exactly these again. */
  readonly failures: readonly NotedFailure[];
  /** To become metrics. */
  readonly heartbeats: readonly Heartbeat[];
  /** Messages: received = stored + duplicates + others + failed. */
  readonly counts: {
    readonly received: number;
    /** Snapshots with a row, copies within the batch not counted. */
    readonly stored: number;
    readonly duplicates: number;
    readonly heartbeats: number;
    readonly declarations: number;
    readonly failed: number;
    readonly objects: number;
  };
}

interface NotedFailure extends Failure {
  /** The item that carries the cause; absent when the audit did not take it. */
  readonly auditId?: string;
}

/**
 * Empties one batch into the lake. Whatever goes wrong with one message, its neighbours are stored; a store that is
 * away fails what needs it. Never throws for a message or a store: what cannot be done goes back to the queue.
 */
export async function drain(batch: readonly SQSRecord[], stores: DrainStores): Promise<DrainOutcome> {
  const received = batch.map(receive);
  const known = await readAudit(received, stores.audit);
  const judged = judge(known.readable, known.items);
  const [snapshots, heartbeats, declarations] = await Promise.all([
    storeSnapshots(judged.candidates, stores),
    renewLeases(judged.heartbeats, stores.positions).then((step) => settle(step, stores.audit)),
    putDeclarations(judged.declarations, stores.lake).then((step) => settle(step, stores.audit)),
  ]);
  const failures = [
    ...known.failures,
    ...judged.failures,
    ...snapshots.failures,
    ...heartbeats.failures,
    ...declarations.failures,
  ];
  const noted = await noteFailures(failures, stores.audit);
  const copies = snapshots.passed.flatMap(({ candidate }) => candidate.copies);
  return {
    failures: noted,
    heartbeats: heartbeats.passed.map(({ message }) => message),
    counts: {
      received: batch.length,
      stored: snapshots.passed.length,
      duplicates: judged.duplicates.length + copies.length,
      heartbeats: heartbeats.passed.length,
      declarations: declarations.passed.length,
      failed: noted.length,
      objects: new Set(snapshots.passed.map(({ objectKey }) => objectKey)).size,
    },
  };
}

interface Known {
  readonly readable: readonly Received[];
  readonly items: ReadonlyMap<string, AuditItem>;
  readonly failures: readonly Failure[];
}

/** Without the audit no snapshot can be told from its copy or its double: they wait, all else goes on. */
async function readAudit(received: readonly Received[], audit: Audit): Promise<Known> {
  const ids = idsToRead(received);
  try {
    const items = await audit.read(ids);
    return { readable: received, items, failures: [] };
  } catch (fault) {
    const cause = `the audit could not be read: ${describeFault(fault)}`;
    const needing = new Set(ids);
    const isBlocked = (one: Received) => one.decoded.ok && needing.has(one.audit.id);
    return {
      readable: received.filter((one) => !isBlocked(one)),
      items: new Map(),
      failures: received.filter(isBlocked).map((one) => ({ received: one, cause })),
    };
  }
}

interface Passed<T> {
  readonly passed: readonly Carried<T>[];
  readonly failures: readonly Failure[];
}

/** Per bridge the newest heartbeat renews its leases; when one fails, the bridge's heartbeats come again. */
async function renewLeases(
  carried: readonly Carried<Heartbeat>[],
  positions: Positions,
): Promise<Passed<Heartbeat>> {
  const faults = new Map<string, string>();
  for (const heartbeat of newestHeartbeats(carried.map(({ message }) => message))) {
    try {
      for (const account of heartbeat.accounts) await positions.renewLease(account, heartbeat);
    } catch (fault) {
      faults.set(heartbeat.bridge, `the lease was not written: ${describeFault(fault)}`);
    }
  }
  return split(carried, ({ message }) => faults.get(message.bridge));
}

async function putDeclarations(
  carried: readonly Carried<Ledger | Drop>[],
  lake: Lake,
): Promise<Passed<Ledger | Drop>> {
  const faults = new Map<string, string>();
  const puts = carried.map(async ({ message, received }) => {
    const key = declarationKey(message);
    try {
      await lake.putOnce({ key, body: received.body, contentType: 'application/json' });
    } catch (fault) {
      faults.set(received.messageId, `the lake did not take ${key}: ${describeFault(fault)}`);
    }
  });
  await Promise.all(puts);
  return split(carried, ({ received }) => faults.get(received.messageId));
}

function split<T>(
  carried: readonly Carried<T>[],
  faultOf: (one: Carried<T>) => string | undefined,
): Passed<T> {
  return {
    passed: carried.filter((one) => faultOf(one) === undefined),
    failures: carried.flatMap((one) => {
      const cause = faultOf(one);
      return cause === undefined ? [] : [{ received: one.received, cause }];
    }),
  };
}

/** A message that failed before and has now passed must not look as if it were still failing. */
async function settle<T>(step: Passed<T>, audit: Audit): Promise<Passed<T>> {
  const faults = new Map<string, string>();
  const again = step.passed.filter(({ received }) => received.attempt > 1);
  const marks = again.map(async ({ received }) => {
    try {
      await audit.markSettled(received);
    } catch (fault) {
      faults.set(received.messageId, `the audit did not take the mark: ${describeFault(fault)}`);
    }
  });
  await Promise.all(marks);
  const settled = split(step.passed, ({ received }) => faults.get(received.messageId));
  return { passed: settled.passed, failures: [...step.failures, ...settled.failures] };
}

/** The message goes back whether or not its cause could be written down. */
function noteFailures(failures: readonly Failure[], audit: Audit): Promise<NotedFailure[]> {
  const notes = failures.map(async (failure): Promise<NotedFailure> => {
    try {
      const auditId = await audit.markRetrying(failure.received, failure.cause);
      return auditId === undefined ? failure : { ...failure, auditId };
    } catch {
      return failure;
    }
  });
  return Promise.all(notes);
}
