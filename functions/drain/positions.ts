import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, PutCommand, type PutCommandInput } from '@aws-sdk/lib-dynamodb';
import { holderOf } from '../../shared/account.ts';
import { isZero } from '../../shared/decimal.ts';
import { BRIDGE, RETENTION } from '../../shared/limits.ts';
import type { Heartbeat } from '../../shared/message.ts';
import { POSITIONS } from '../../shared/names.ts';
import { isNewer, type Mark, type Snapshot } from '../../shared/snapshot.ts';

const DAY_MS = 86_400_000;

/** The order of isNewer in shared/snapshot.ts, as a condition on the item that is there. */
const NEWER_WINS = [
  'attribute_not_exists(#account)',
  '(#bridge = :bridge AND (#epoch < :epoch OR (#epoch = :epoch AND #seq < :seq)))',
  '(#bridge <> :bridge AND (#observedAt < :observedAt OR (#observedAt = :observedAt AND #bridge < :bridge)))',
].join(' OR ');

/** Ours and newer, or another's that has gone silent: by the heartbeats' own times, never by a clock of the cloud. */
const LEASE_IS_FREE = [
  'attribute_not_exists(#account)',
  '(#bridge = :bridge AND #at < :at)',
  '(#bridge <> :bridge AND #at < :expired)',
].join(' OR ');

/** The positions table: the latest snapshot of every holder and contract, and who has the account. */
export class Positions {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /** @param receivedAt ISO 8601 @returns `older` when what is there is as new or newer */
  async putNewer(snapshot: Snapshot, receivedAt: string): Promise<'written' | 'older'> {
    const { bridge, epoch, seq, observedAt } = snapshot;
    return this.#put({
      Item: positionItem(snapshot, receivedAt),
      ConditionExpression: NEWER_WINS,
      ExpressionAttributeNames: {
        '#account': POSITIONS.partitionKey,
        '#bridge': 'bridge',
        '#epoch': 'epoch',
        '#seq': 'seq',
        '#observedAt': 'observedAt',
      },
      ExpressionAttributeValues: {
        ':bridge': bridge,
        ':epoch': epoch,
        ':seq': seq,
        ':observedAt': observedAt,
      },
    });
  }

  /** @returns `older` when another bridge has the account, or a newer heartbeat was here before */
  async renewLease(account: string, heartbeat: Heartbeat): Promise<'written' | 'older'> {
    const { bridge, at } = heartbeat;
    const expired = new Date(Date.parse(at) - BRIDGE.leaseMs).toISOString();
    return this.#put({
      Item: {
        [POSITIONS.partitionKey]: account,
        [POSITIONS.sortKey]: POSITIONS.leaseConId,
        bridge,
        at,
      },
      ConditionExpression: LEASE_IS_FREE,
      ExpressionAttributeNames: { '#account': POSITIONS.partitionKey, '#bridge': 'bridge', '#at': 'at' },
      ExpressionAttributeValues: { ':bridge': bridge, ':at': at, ':expired': expired },
    });
  }

  async #put(input: Omit<PutCommandInput, 'TableName'>): Promise<'written' | 'older'> {
    try {
      await this.#client.send(new PutCommand({ TableName: this.#table, ...input }));
      return 'written';
    } catch (fault) {
      if (fault instanceof ConditionalCheckFailedException) return 'older';
      throw fault;
    }
  }
}

/**
 * The snapshot with its key beside it. A closed position stays for 30 days from its sending, so that no late copy of
 * an older snapshot brings it back to life.
 */
export function positionItem(snapshot: Snapshot, receivedAt: string): Record<string, unknown> {
  const closedUntilMs = Date.parse(receivedAt) + RETENTION.closedPositionDays * DAY_MS;
  return {
    ...snapshot,
    ...(snapshot.mark && { mark: storableMark(snapshot.mark) }),
    [POSITIONS.partitionKey]: holderOf(snapshot),
    [POSITIONS.sortKey]: snapshot.contract.conId,
    ...(isZero(snapshot.quantity) && { [POSITIONS.ttl]: Math.floor(closedUntilMs / 1000) }),
  };
}

/** @returns the newest of each holder and contract: what the batch has to say about the state */
export function newestOfEach(snapshots: readonly Snapshot[]): Snapshot[] {
  const newest = new Map<string, Snapshot>();
  for (const snapshot of snapshots) {
    const key = positionKey(snapshot);
    const present = newest.get(key);
    if (present === undefined || isNewer(snapshot, present)) newest.set(key, snapshot);
  }
  return [...newest.values()];
}

export function positionKey(snapshot: Snapshot): string {
  return `${holderOf(snapshot)} ${snapshot.contract.conId}`;
}

/** DynamoDB refuses numbers below 1e-130, which the greeks of a far wing reach, and the SDK those above 2^53. */
const NUMBER_MIN = 1e-100;

function storableMark(mark: Mark): Mark {
  const entries = Object.entries(mark)
    .filter(([, value]) => typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER)
    .map(([name, value]) => [name, typeof value === 'number' && Math.abs(value) < NUMBER_MIN ? 0 : value]);
  return Object.fromEntries(entries) as Mark;
}
