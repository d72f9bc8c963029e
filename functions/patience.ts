import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBClient, DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/** Doubling with full jitter: what was refused together does not return together. */
const BACKOFF = { firstMs: 50, maxMs: 2000 } as const;

/**
 * Waits with what a table throttles instead of giving it up. The SDK tries three times within seconds and, once too
 * much has failed, not at all; a message that is given back for that comes again after its visibility timeout, has
 * one try less, and meets the same crowd. A throttled table has lost nothing and serves others meanwhile: whoever
 * sends less at once and waits longer each time gets through. Each table has a pace of its own, which this process
 * remembers from one invocation to the next.
 */
export class Patience {
  readonly #rooms = new Map<string, Room>();
  #untilMs = 0;

  /** From now on calls may wait so long; one invocation at a time has the process. */
  begin(ms: number): void {
    this.#untilMs = performance.now() + ms;
  }

  /** Around every call of the client, whose own retries must leave throttling alone. */
  attach(client: Pick<DynamoDBClient, 'middlewareStack'>): void {
    client.middlewareStack.add((next) => (args) => this.#call(tableOf(args.input), () => next(args)), {
      step: 'initialize',
      name: 'patience',
    });
  }

  async #call<T>(table: string, send: () => Promise<T>): Promise<T> {
    const room = this.#rooms.get(table) ?? new Room();
    this.#rooms.set(table, room);
    const isOver = () => performance.now() >= this.#untilMs;
    for (;;) {
      const ticket = await room.enter(isOver());
      try {
        const result = await send();
        room.served();
        return result;
      } catch (fault) {
        if (!isThrottled(fault)) {
          // A condition that does not hold has cost a write all the same.
          room.served();
          throw fault;
        }
        const waitMs = room.refused(ticket);
        if (isOver()) throw fault;
        // In its place, so that nobody else is refused meanwhile.
        await delay(waitMs);
      } finally {
        room.leave(isOver());
      }
    }
  }
}

/** More than one batch needs at once. */
const ROOM_MAX = 128;

/** How many calls may be under way: half of those that were when some were refused, one more after all were served. */
class Room {
  readonly #waiting: (() => void)[] = [];
  #size = ROOM_MAX;
  #used = 0;
  #halvings = 0;
  /** Since a call was served. */
  #refusals = 0;

  /** @param isOver nobody has time to wait any more @returns to be given to refused */
  async enter(isOver: boolean): Promise<number> {
    if (!isOver && this.#used >= Math.floor(this.#size)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#used += 1;
    }
    return this.#halvings;
  }

  served(): void {
    this.#refusals = 0;
    this.#size = Math.min(ROOM_MAX, this.#size + 1 / this.#size);
  }

  /** @returns how long to wait before the next try */
  refused(ticket: number): number {
    // Those that were under way together are refused together, and that says it once.
    if (ticket === this.#halvings) {
      this.#halvings += 1;
      this.#refusals += 1;
      this.#size = Math.max(1, Math.min(this.#size, this.#used) / 2);
    }
    return Math.random() * Math.min(BACKOFF.maxMs, BACKOFF.firstMs * 2 ** this.#refusals);
  }

  leave(isOver: boolean): void {
    this.#used -= 1;
    const free = isOver ? this.#waiting.length : Math.floor(this.#size) - this.#used;
    for (const enter of this.#waiting.splice(0, Math.max(0, free))) {
      this.#used += 1;
      enter();
    }
  }
}

/** Of a batch its first: ours name one. */
function tableOf(input: object): string {
  const { TableName, RequestItems = {} } = input as {
    readonly TableName?: string;
    readonly RequestItems?: object;
  };
  return TableName ?? Object.keys(RequestItems)[0] ?? '';
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const THROTTLED = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
]);

function isThrottled(fault: unknown): boolean {
  return fault instanceof Error && THROTTLED.has(fault.name);
}

type RetryStrategy = NonNullable<DynamoDBClientConfig['retryStrategy']>;

/**
 * What the SDK tries again by itself under patience: no answer, and 5xx.
 * @param attemptsMax the first one included
 */
export function retryTransient(attemptsMax: number): RetryStrategy {
  const token = (count: number) => ({
    getRetryCount: () => count,
    getRetryDelay: () => (count === 0 ? 0 : Math.random() * BACKOFF.firstMs * 2 ** count),
  });
  return {
    acquireInitialRetryToken: async () => token(0),
    refreshRetryTokenForRetry: async (last, { errorType }) => {
      const count = last.getRetryCount() + 1;
      if (errorType !== 'TRANSIENT' || count >= attemptsMax) throw new Error('not tried again');
      return token(count);
    },
    recordSuccess: () => {},
  };
}
