import { z } from 'zod';
import type { Invocation } from './workers.ts';

export type Verdict =
  /** Everything but these identifiers is done; empty is full success. */
  | { readonly kind: 'done'; readonly failed: ReadonlySet<string> }
  | { readonly kind: 'failed'; readonly fault: string };

const responseSchema = z.object({
  batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish(),
});

/**
 * What an invocation says about its batch, as Lambda reads it: nothing, null or an empty list is full success; a
 * malformed list or an identifier that is not in the batch is a complete failure.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 * @param identifiers of the batch: message ids, or sequence numbers of a stream
 * @param reportsFailures the mapping has ReportBatchItemFailures; otherwise responses mean nothing
 */
export function judge(
  invocation: Invocation,
  identifiers: ReadonlySet<string>,
  reportsFailures: boolean,
): Verdict {
  if (!invocation.ok) return { kind: 'failed', fault: invocation.fault };
  const { response } = invocation;
  if (!reportsFailures || typeof response !== 'object' || response === null) return SUCCESS;
  const parsed = responseSchema.safeParse(response);
  if (!parsed.success) return { kind: 'failed', fault: 'batchItemFailures has a wrong shape' };
  const failed = new Set(parsed.data.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier));
  const foreign = [...failed].find((identifier) => !identifiers.has(identifier));
  if (foreign !== undefined)
    return { kind: 'failed', fault: `batchItemFailures names ${foreign}, not in the batch` };
  return { kind: 'done', failed };
}

const SUCCESS: Verdict = { kind: 'done', failed: new Set() };

/** Log fields of a batch that failed as a whole; the function's own log has the rest of the story. */
export function batchFault(source: string, records: number, fault: string) {
  return { source, records, fault: fault.split('\n', 1)[0] };
}
