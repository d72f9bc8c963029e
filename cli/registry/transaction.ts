import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { REGISTRY } from '../../shared/names.ts';
import type { Strategy } from '../../shared/strategy.ts';
import type { Table } from './read.ts';

/**
 * One write of the registry, all of it or nothing:
 *
 *   HEAD      n-1 -> n       if HEAD is still n-1: no two writes have the same n, and none is skipped
 *   strategy  v-1 -> v, n    if the strategy is still at v-1: nobody's change is lost
 *   history   v              if there is none: a version, once written, never changes
 *
 * Of two writers that read the same HEAD one wins; the other is told `contended`, reads again and has the next n.
 * Of two that read the same strategy one wins; the other is told `version-moved`, and its change is made anew on
 * what is there now, or refused.
 */
export type WriteOutcome =
  | { readonly type: 'written' }
  | { readonly type: 'contended'; readonly cause: unknown }
  | { readonly type: 'version-moved'; readonly cause: unknown };

/**
 * @param next the strategy as it shall be, `version` and `registryVersion` counted up already
 * @throws what DynamoDB answers beside lost races, as it came
 */
export async function writeStrategy(table: Table, next: Strategy): Promise<WriteOutcome> {
  const key = (partition: string, sort: string) => ({
    [REGISTRY.partitionKey]: partition,
    [REGISTRY.sortKey]: sort,
  });
  const head = { ...key(REGISTRY.head, REGISTRY.head), head: next.registryVersion };
  const strategy = { ...next, ...key(REGISTRY.strategy, next.id) };
  const history = { ...next, ...key(REGISTRY.history(next.id), REGISTRY.historySort(next.version)) };
  const command = new TransactWriteCommand({
    TransactItems: [
      { Put: { TableName: table.name, Item: head, ...ifStillAt('head', next.registryVersion - 1) } },
      { Put: { TableName: table.name, Item: strategy, ...ifStillAt('version', next.version - 1) } },
      { Put: { TableName: table.name, Item: history, ...ifStillAt('version', 0) } },
    ],
  });
  try {
    await table.client.send(command);
    return { type: 'written' };
  } catch (cause) {
    const type = lostRace(cause);
    if (type === undefined) throw cause;
    return { type, cause };
  }
}

/** The item's counter has this value; 0 is an item that is not there. */
function ifStillAt(counter: string, value: number) {
  if (value === 0) {
    return {
      ConditionExpression: 'attribute_not_exists(#key)',
      ExpressionAttributeNames: { '#key': REGISTRY.partitionKey },
    };
  }
  return {
    ConditionExpression: '#counter = :value',
    ExpressionAttributeNames: { '#counter': counter },
    ExpressionAttributeValues: { ':value': value },
  };
}

/**
 * Reasons come in the order of the actions, `None` for those that would have passed:
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export function lostRace(error: unknown): 'contended' | 'version-moved' | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TransactionConflictException') return 'contended';
  if (error.name !== 'TransactionCanceledException') return undefined;
  const { CancellationReasons: reasons = [] } = error as { CancellationReasons?: { Code?: string }[] };
  const codes = reasons.map((reason) => reason.Code ?? 'None').filter((code) => code !== 'None');
  const isRace = (code: string) => code === 'ConditionalCheckFailed' || code === 'TransactionConflict';
  if (codes.length === 0 || !codes.every(isRace)) return undefined;
  const [, ...others] = reasons;
  return others.some((reason) => reason.Code === 'ConditionalCheckFailed') ? 'version-moved' : 'contended';
}
