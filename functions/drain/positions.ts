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

/** Contracts whose state is remembered. */
const KNOWN_MAX = 20_000;

type Place = Pick<Snapshot, 'bridge' | 'epoch' | 'seq'>;

/**
 * The positions table: the latest snapshot of every holder and contract, and who has the account.
 *
 * After an outage the newest is sent first, so nearly all of a backlog is older than what the table has by then. A
 * write that the table refuses costs and is throttled as any other: what this process knows to be older is not sent.
 */
export class Positions {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  /** Of each contract what the table has been seen to hold; a state is only ever followed by a newer one. */
  readonly #known = new Map<string, Place>();

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /** @param receivedAt ISO 8601 @returns `older` when what is there is as new or newer */
  async putNewer(snapshot: Snapshot, receivedAt: string): Promise<'written' | 'older'> {
    const { bridge, epoch, seq, observedAt } = snapshot;
    const key = positionKey(snapshot);
    if (this.#isKnownOlder(key, snapshot)) return 'older';
    const outcome = await this.#put({
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
    this.#know(key, outcome.present ?? snapshot);
    return outcome.kind;
  }

  /** @returns `older` when another bridge has the account, or a newer heartbeat was here before */
  async renewLease(account: string, heartbeat: Heartbeat): Promise<'written' | 'older'> {
    const { bridge, at } = heartbeat;
    const expired = new Date(Date.parse(at) - BRIDGE.leaseMs).toISOString();
    const { kind } = await this.#put({
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
    return kind;
  }

  /** Of one bridge only: its own sequence says for good what is older, whatever others have written since. */
  #isKnownOlder(key: string, { bridge, epoch, seq }: Place): boolean {
    const known = this.#known.get(key);
    if (known?.bridge !== bridge) return false;
    return epoch < known.epoch || (epoch === known.epoch && seq <= known.seq);
  }

  #know(key: string, { bridge, epoch, seq }: Place): void {
    // Two writes of one contract may have been under way at once.
    if (this.#isKnownOlder(key, { bridge, epoch, seq })) return;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(key, { bridge, epoch, seq });
  }

  async #put(input: Omit<PutCommandInput, 'TableName'>): Promise<PutOutcome> {
    try {
      await this.#client.send(
        new PutCommand({
          TableName: this.#table,
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          ...input,
        }),
      );
      return { kind: 'written' };
    } catch (fault) {
      if (!(fault instanceof ConditionalCheckFailedException)) throw fault;
      return { kind: 'older', ...presentIn(fault.Item) };
    }
  }
}

interface PutOutcome {
  readonly kind: 'written' | 'older';
  /** What the table has instead, where it said so. */
  readonly present?: Place;
}

function presentIn(item: ConditionalCheckFailedException['Item']): Pick<PutOutcome, 'present'> {
  const bridge = item?.bridge?.S;
  const epoch = item?.epoch?.S;
  const seq = item?.seq?.N;
  if (bridge === undefined || epoch === undefined || seq === undefined) return {};
  return { present: { bridge, epoch, seq: Number(seq) } };
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
