/** A run of records of one shard, in order, and how often it was retried in vain. */
export interface Attempt<T> {
  readonly records: readonly T[];
  readonly retries: number;
}

export interface RetryRules {
  readonly bisects: boolean;
  readonly retriesMax: number;
}

export type Next<T> =
  /** In this order; the pause comes before the first of them. */
  | { readonly kind: 'again'; readonly attempts: readonly Attempt<T>[]; readonly pauses: boolean }
  /** Retries are used up: the records go to the failure destination. */
  | { readonly kind: 'give-up'; readonly records: readonly T[] };

/**
 * What becomes of a batch that failed from record `failedFrom` on (0: as a whole). Records before it are done.
 *
 * With bisecting, a batch is cut at the reported record, or in half where nothing was reported; a cut is no retry. A
 * batch that fails at its own first record is cut in half as well, so that in the end one record stands alone. Only
 * what cannot be cut any further is retried after a pause, and given up at last.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailureinvocation.html
 */
export function afterFailure<T>(attempt: Attempt<T>, failedFrom: number, rules: RetryRules): Next<T> {
  const records = attempt.records.slice(failedFrom);
  if (failedFrom > 0) return { kind: 'again', attempts: [{ records, retries: 0 }], pauses: !rules.bisects };
  if (rules.bisects && records.length > 1) {
    const half = Math.ceil(records.length / 2);
    const attempts = [records.slice(0, half), records.slice(half)].map((part) => ({
      records: part,
      retries: attempt.retries,
    }));
    return { kind: 'again', attempts, pauses: false };
  }
  if (attempt.retries >= rules.retriesMax) return { kind: 'give-up', records };
  return { kind: 'again', attempts: [{ records, retries: attempt.retries + 1 }], pauses: true };
}
