import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LineKind, LineLedger, type LineUse } from '../../../bridge/lines/ledger.ts';

const GRACE_MS = 250;
const RECOVERY_MS = 60_000;

interface Request {
  readonly use: LineUse;
  state: 'queued' | 'granted' | 'refused' | 'answered' | 'cancelled' | 'ended';
}

/**
 * An account's lines as a gateway gives them: requests are read some time after they were made, the answers are read
 * some time after that, and what a person's TWS takes is gone for us.
 */
class ModelGateway {
  readonly ledger: LineLedger;
  readonly requests: Request[] = [];
  /** Fewest lines that were ours to have, since the start and as often as one was refused. */
  fewest: number;
  refusals = 0;
  #allowance: number;
  /** Granted, or cancelled and not freed yet. */
  #used = 0;
  readonly #freeAfterMs: number;

  constructor(options: { readonly limit: number; readonly allowance: number; readonly freeAfterMs: number }) {
    this.ledger = new LineLedger({ cap: options.limit, graceMs: GRACE_MS, recoveryMs: RECOVERY_MS });
    this.#allowance = options.allowance;
    this.fewest = options.allowance;
    this.#freeAfterMs = options.freeAfterMs;
  }

  get allowance(): number {
    return this.#allowance;
  }

  get inUse(): number {
    return this.#used;
  }

  /** What somebody's TWS leaves us. Below what we use it takes lines from us: 101 on lines that streamed. */
  set allowance(lines: number) {
    this.#allowance = lines;
    this.fewest = Math.min(this.fewest, lines);
    for (const request of this.requests.filter(({ state }) => state === 'granted' || state === 'answered')) {
      if (this.#used <= lines) return;
      request.state = 'refused';
      this.#used -= 1;
    }
  }

  ask(kind: LineKind): boolean {
    const use = this.ledger.take(kind);
    if (use) this.requests.push({ use, state: 'queued' });
    return use !== undefined;
  }

  /** The gateway reads what was sent. */
  read(count = Number.POSITIVE_INFINITY): void {
    for (const request of this.requests.filter(({ state }) => state === 'queued').slice(0, count)) {
      const isGranted = this.#used < this.#allowance;
      if (isGranted) this.#used += 1;
      request.state = isGranted ? 'granted' : 'refused';
    }
  }

  /** We read what the gateway answered. */
  hear(count = Number.POSITIVE_INFINITY): void {
    const answers = this.requests.filter(({ state }) => state === 'granted' || state === 'refused');
    for (const request of answers.slice(0, count)) {
      if (request.state === 'granted') request.state = 'answered';
      else {
        request.state = 'ended';
        this.refusals += 1;
        this.ledger.refused(request.use);
      }
    }
  }

  cancel(pick: number): void {
    const held = this.requests.filter(({ state }) => state === 'answered');
    const request = held[pick % Math.max(1, held.length)];
    if (!request) return;
    request.state = 'cancelled';
    this.ledger.cancelled(request.use);
    setTimeout(() => {
      this.#used -= 1;
    }, this.#freeAfterMs);
  }

  /** Wants every line that it can have, until nothing changes any more. */
  saturate(): void {
    for (let round = 0; round < 40; round += 1) {
      while (this.ask('stream'));
      this.read();
      this.hear();
      vi.advanceTimersByTime(GRACE_MS);
    }
  }
}

type Step =
  | { readonly type: 'ask'; readonly kind: LineKind; readonly count: number }
  | { readonly type: 'read' | 'hear' | 'cancel' | 'allowance' | 'wait'; readonly count: number };

const count = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 12 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('ask' as const),
    kind: fc.constantFrom<LineKind>('stream', 'snapshot'),
    count,
  }),
  fc.record({ type: fc.constantFrom('read' as const, 'hear' as const, 'cancel' as const), count }),
  fc.record({ type: fc.constant('wait' as const), count }),
  fc.record({ type: fc.constant('allowance' as const), count: fc.integer({ min: 0, max: 30 }) }),
);

function run(model: ModelGateway, step: Step): void {
  switch (step.type) {
    case 'ask':
      for (let nth = 0; nth < step.count; nth += 1) model.ask(step.kind);
      break;
    case 'allowance':
      model.allowance = step.count;
      break;
    case 'wait':
      // Answers take less than the grace.
      model.read();
      model.hear();
      vi.advanceTimersByTime(50 * step.count);
      break;
    default:
      model[step.type](step.count);
  }
}

describe('the ledger of lines', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('leaves the reserve to the trader’s own TWS and the polled lane its share', () => {
    const ledger = new LineLedger({ cap: 100, reserve: 10 });
    expect(ledger).toMatchObject({ limit: 90, cap: 90, streamCap: 85 });
    expect(ledger.status()).toEqual({
      cap: 90,
      capReason: 'lines.cap is 100, and 10 are left to your own TWS',
      setting: 100,
      reserve: 10,
      polledShare: 5,
    });
  });

  it.each([
    [9, 9],
    [10, 9],
    [24, 22],
    [49, 45],
    [50, 45],
    [1100, 1095],
  ])('of %i lines lets streams have %i', (cap, streamCap) => {
    expect(new LineLedger({ cap }).streamCap).toBe(streamCap);
  });

  it('gives snapshots no line that streams demand, and its share however much they do', () => {
    const ledger = new LineLedger({ cap: 50 });
    ledger.demand(ledger.streamCap);
    const taken = Array.from({ length: 10 }, () => ledger.take('snapshot')).filter(Boolean);
    expect(taken).toHaveLength(5);
    ledger.demand(48);
    expect(ledger.snapshotsToGiveBack).toBe(3);
  });

  it('ends a burst of refusals at what the gateway granted, neither below nor above', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: GRACE_MS }),
        (limit, allowance, freeAfterMs) => {
          const model = new ModelGateway({ limit, allowance, freeAfterMs });
          while (model.ask('stream'));
          model.read();
          model.hear();
          expect(model.ledger.cap).toBe(Math.min(limit, allowance));
          expect(model.refusals).toBe(Math.max(0, limit - allowance));
          model.ledger.stop();
        },
      ),
    );
  });

  it('never falls below what it was granted at least, and finds it out wherever it is above', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 30 }),
        fc.constantFrom(0, 100, GRACE_MS),
        fc.array(step, { maxLength: 40 }),
        (limit, allowance, freeAfterMs, steps) => {
          const model = new ModelGateway({ limit, allowance, freeAfterMs });
          for (const each of steps) {
            run(model, each);
            expect(model.inUse).toBeLessThanOrEqual(model.ledger.inUse);
            expect(model.ledger.inUse).toBeLessThanOrEqual(limit);
            expect(model.ledger.cap).toBeGreaterThanOrEqual(Math.min(limit, model.fewest));
          }
          model.saturate();
          expect(model.ledger.cap).toBeLessThanOrEqual(Math.min(limit, model.allowance));
          expect(model.ledger.cap).toBeGreaterThanOrEqual(Math.min(limit, model.fewest));
          expect(model.ledger.inUse).toBe(model.ledger.cap);
          model.ledger.stop();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('counts what the gateway may not have freed yet, and finds the truth when it has', () => {
    const model = new ModelGateway({ limit: 10, allowance: 3, freeAfterMs: GRACE_MS });
    for (let nth = 0; nth < 3; nth += 1) model.ask('stream');
    model.read();
    model.hear();
    model.cancel(0);
    model.ask('stream');
    model.read();
    model.hear();
    expect({ refusals: model.refusals, cap: model.ledger.cap }).toEqual({ refusals: 1, cap: 3 });
    expect(model.ask('stream')).toBe(false);
    vi.advanceTimersByTime(GRACE_MS);
    model.saturate();
    expect(model.ledger).toMatchObject({ cap: 3, inUse: 3 });
    model.ledger.stop();
  });

  it('grows back to all that is granted once the other TWS gives its lines back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (limit, taken, given) => {
          const model = new ModelGateway({ limit, allowance: taken, freeAfterMs: 0 });
          model.saturate();
          model.allowance = given;
          for (let minute = 0; minute < 60; minute += 1) {
            vi.advanceTimersByTime(RECOVERY_MS);
            model.saturate();
          }
          expect(model.ledger.cap).toBeGreaterThanOrEqual(Math.min(limit, given));
          expect(model.ledger.cap).toBeLessThanOrEqual(Math.min(limit, given + 1));
          model.ledger.stop();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('asks for one more less and less often where the answer stays the same', () => {
    const model = new ModelGateway({ limit: 20, allowance: 15, freeAfterMs: 0 });
    model.saturate();
    const refusedAt: number[] = [];
    for (let minute = 1; minute <= 120; minute += 1) {
      const before = model.refusals;
      vi.advanceTimersByTime(RECOVERY_MS - 40 * GRACE_MS);
      model.saturate();
      if (model.refusals > before) refusedAt.push(minute);
    }
    const waits = refusedAt.map((minute, nth) => minute - (refusedAt[nth - 1] ?? 0));
    expect(waits.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 16].map((wait) => expect.closeTo(wait, -0.5)));
    expect(model.ledger.cap).toBe(15);

    // Once all was granted again, a new shortage is a new one.
    model.allowance = 20;
    for (let minute = 0; minute < 30; minute += 1) vi.advanceTimersByTime(RECOVERY_MS);
    expect(model.ledger.cap).toBe(20);
    model.saturate();
    model.allowance = 15;
    model.hear();
    expect(model.ledger.cap).toBe(15);
    vi.advanceTimersByTime(RECOVERY_MS);
    expect(model.ledger.cap).toBe(16);
    model.ledger.stop();
  });

  it('says when and why it has fewer lines than the settings say', () => {
    vi.setSystemTime('2026-11-20T14:59:00.000Z');
    const ledger = new LineLedger({ cap: 12, reserve: 2 });
    const uses = Array.from({ length: 4 }, () => ledger.take('stream'));
    if (uses[3]) ledger.refused(uses[3]);
    expect(ledger.status()).toMatchObject({
      cap: 3,
      capReason:
        'the gateway refused a line at 2026-11-20T14:59:00.000Z (error 101), and the cap fell to what it had granted; it grows back to 10, by one after each while without a refusal',
    });
    vi.advanceTimersByTime(7 * RECOVERY_MS);
    expect(ledger.status()).toMatchObject({
      cap: 10,
      capReason: 'lines.cap is 12, and 2 are left to your own TWS',
    });
    ledger.stop();
  });
});
