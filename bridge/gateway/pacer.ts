/**
 * Paces everything that is sent to the gateway. IB allows half of the account's lines as messages per second and ends
 * a session that goes on violating it (https://interactivebrokers.github.io/tws-api/introduction.html). The client
 * library has a limiter of its own, which knows no order and no end: it is set so high that this one decides.
 */

/**
 * `urgent`: cancels and heartbeats, which free something or are being waited for. `request`: streams, positions.
 * `background`: snapshots and contract lookups, which can wait for both.
 */
export type Lane = 'urgent' | 'request' | 'background';

export interface PacedRequest {
  /** One waits at a time: the same key again replaces what is sent and keeps the place in the queue. */
  readonly key: string;
  readonly lane: Lane;
  /** Present where each call is a request of its own; the bound is for these, all others exist once per key. */
  readonly reqId?: number;
  /** What has to be sent right before it, asked for when its turn has come; undefined once nothing has. */
  readonly prelude?: () => PacedRequest | undefined;
  send(): void;
}

/** Requests with an id that may wait. Cancels need no bound: each undoes what was once sent. */
export const PACER_QUEUE_MAX = 2_000;

const SECOND_MS = 1_000;
/** Between two clocks and a network a second may shrink. */
const MARGIN_MS = 25;
const LANES: readonly Lane[] = ['urgent', 'request', 'background'];

/**
 * No clock and no timer in here: the caller takes what may be sent now and comes back when it is told to.
 * A second is also paced by its quarters, because a burst of a whole second's worth that the network holds up and a
 * second one right behind it would look like twice the rate.
 */
export class Pacer {
  readonly #settings: { readonly requestsPerSecond: number; readonly queueMax: number };
  readonly #lanes: Readonly<Record<Lane, Map<string, PacedRequest>>> = {
    urgent: new Map(),
    request: new Map(),
    background: new Map(),
  };
  /** Send times, oldest first, as many as the rate needs. */
  readonly #sentAt: number[] = [];
  #rate: number;
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  /** @throws RangeError when the rate is not a positive integer */
  constructor(settings: { readonly requestsPerSecond: number; readonly queueMax?: number }) {
    const { requestsPerSecond, queueMax = PACER_QUEUE_MAX } = settings;
    if (!Number.isInteger(requestsPerSecond) || requestsPerSecond < 1) {
      throw new RangeError(`requestsPerSecond must be a positive integer, not ${requestsPerSecond}`);
    }
    this.#settings = { requestsPerSecond, queueMax };
    this.#rate = requestsPerSecond;
  }

  get waiting(): number {
    return LANES.reduce((sum, lane) => sum + this.#lanes[lane].size, 0);
  }

  waitingIn(lane: Lane): number {
    return this.#lanes[lane].size;
  }

  /** @returns `full` when nothing was taken: whoever asked is told at once and may ask again later */
  offer(request: PacedRequest): 'taken' | 'full' {
    const lane = this.#lanes[request.lane];
    if (request.reqId !== undefined && !lane.has(request.key)) {
      if (this.#lanes.request.size + this.#lanes.background.size >= this.#settings.queueMax) return 'full';
    }
    lane.set(request.key, request);
    return 'taken';
  }

  /**
   * Takes back what was not sent yet: its cancel must not overtake it and leave it alive.
   * @returns false when nothing of that key waits
   */
  withdraw(key: string): boolean {
    return LANES.some((lane) => this.#lanes[lane].delete(key));
  }

  /** @returns what may be sent now, in order; counted as sent */
  take(nowMs: number): readonly PacedRequest[] {
    const taken: PacedRequest[] = [];
    while (this.#freeAtMs() <= nowMs) {
      const next = this.#shift();
      if (next === undefined) break;
      this.spend(nowMs);
      taken.push(next);
    }
    return taken;
  }

  /** @returns when the next one may be sent; undefined when nothing waits */
  nextAtMs(): number | undefined {
    return this.waiting === 0 ? undefined : this.#freeAtMs();
  }

  /** Counts a message that did not wait here: the client library's own handshake. */
  spend(nowMs: number): void {
    this.#sentAt.push(nowMs);
    if (this.#sentAt.length > this.#settings.requestsPerSecond) this.#sentAt.shift();
  }

  /** The gateway said 100: nothing for a second, and a quarter less from now on. */
  slowDown(nowMs: number): void {
    this.#heldUntilMs = nowMs + SECOND_MS;
    this.#rate = Math.max(1, Math.floor(this.#rate * 0.75));
  }

  /**
   * The connection is gone, and all that waited for it. What was sent in the last second still counts.
   * @returns how many were given up
   */
  abandon(): number {
    const given = this.waiting;
    for (const lane of LANES) this.#lanes[lane].clear();
    this.#rate = this.#settings.requestsPerSecond;
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
    return given;
  }

  #freeAtMs(): number {
    const quarter = Math.ceil(this.#rate / 4);
    return Math.max(
      this.#heldUntilMs,
      (this.#sentAt.at(-this.#rate) ?? Number.NEGATIVE_INFINITY) + SECOND_MS + MARGIN_MS,
      (this.#sentAt.at(-quarter) ?? Number.NEGATIVE_INFINITY) + (SECOND_MS + MARGIN_MS) / 4,
    );
  }

  #shift(): PacedRequest | undefined {
    for (const lane of LANES) {
      for (const [key, request] of this.#lanes[lane]) {
        const prelude = request.prelude?.();
        if (prelude !== undefined) return prelude;
        this.#lanes[lane].delete(key);
        return request;
      }
    }
    return undefined;
  }
}
