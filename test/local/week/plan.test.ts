import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Book } from '../../../local/gateway/book.ts';
import { faultSchema } from '../../../local/gateway/faults.ts';
import { generatePortfolio } from '../../../local/gateway/generator.ts';
import { applyTrade, type Deed, type Step } from '../../../local/week/deeds.ts';
import { planWeek } from '../../../local/week/plan.ts';
import { WEEK } from '../../../local/week/profile.ts';
import { strategyInputSchema } from '../../../shared/strategy.ts';

const portfolio = generatePortfolio({ seed: 5, positions: 60, condors: 7, today: '2026-11-20' });
const plan = (seed: number, sessions = 5) =>
  planWeek({ seed, sessions, portfolio, timing: WEEK, linesGranted: 70 });
const steps = (seed: number, sessions?: number): Step[] =>
  plan(seed, sessions).flatMap((phase) => phase.steps);
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

function count(all: readonly Step[], what: Deed['do']): number {
  return all.filter((step) => step.do === what).length;
}

describe('the plan of a week', () => {
  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(plan(seed)).toEqual(plan(seed));
      }),
      { numRuns: 20 },
    );
  });

  it('is another one for another seed', () => {
    expect(plan(1)).not.toEqual(plan(2));
  });

  it('has five sessions, nights between them and a weekend at the end', () => {
    expect(plan(1).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'Monday session',
      'Monday night night',
      'Tuesday session',
      'Tuesday night night',
      'Wednesday session',
      'Wednesday night night',
      'Thursday session',
      'Thursday night night',
      'Friday session',
      'weekend weekend',
    ]);
  });

  it('kills ten times, takes AWS away in both ways, fills the disk once, restarts every night, logs in once', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const all = steps(seed);
        // One of them on the full disk.
        expect(count(all, 'kill')).toBe(9);
        expect(all.flatMap((step) => (step.do === 'aws-away' ? [step.how] : []))).toEqual([
          'refused',
          'unavailable',
        ]);
        expect(count(all, 'disk-full')).toBe(1);
        expect(count(all, 'restart')).toBe(5);
        expect(count(all, 'login')).toBe(1);
        expect(count(all, 'roll')).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
  });

  it('plays every fault of the deck in five sessions', () => {
    const names = new Set(steps(3).flatMap((step) => (step.do === 'fault' ? [step.name] : [])));
    expect(names.size).toBe(18);
  });

  it.each([1, 2, 3, 4])('has at least one of everything that matters in %i sessions', (sessions) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const all = steps(seed, sessions);
        for (const what of [
          'kill',
          'aws-away',
          'disk-full',
          'restart',
          'login',
          'trade',
          'switch',
        ] as const) {
          expect(count(all, what), what).toBeGreaterThan(0);
        }
        const kinds = all.flatMap((step) => (step.do === 'fault' ? [step.fault.kind] : []));
        expect(kinds).toEqual(expect.arrayContaining(['farm-broken', 'link-lost', 'lines-taken']));
        expect(count(all, 'kill')).toBe(2 * sessions - 1);
      }),
      { numRuns: 20 },
    );
  });

  it('ends with an order in which every trade can be made and every fault is one', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 5 }), (seed, sessions) => {
        const instruments = new Map(portfolio.instruments.map((each) => [each.contract.conId, each]));
        const book = new Book({ ...portfolio, instruments });
        for (const phase of plan(seed, sessions)) {
          let atMs = 0;
          for (const step of phase.steps) {
            expect(step.atMs).toBeGreaterThanOrEqual(atMs);
            expect(step.atMs).toBeLessThan(phase.durationMs);
            atMs = step.atMs;
            play(step, book);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** @throws what cannot be */
function play(step: Step, book: Book): void {
  switch (step.do) {
    case 'fault':
      faultSchema.parse(step.fault);
      break;
    case 'restart':
      for (const fault of step.settled) {
        if (fault.kind === 'expiry') book.expire(fault);
        else book.assign(fault);
      }
      break;
    case 'trade':
      applyTrade(book, step.trade);
      break;
    case 'roll':
      strategyInputSchema.parse(step.strategy);
      for (const trade of step.trades) applyTrade(book, trade);
      // A condor that was rolled holds what it says.
      for (const { conId, quantity } of step.strategy.legs) {
        expect(book.positions).toContainEqual(
          expect.objectContaining({ account: step.strategy.account, conId, quantity }),
        );
      }
      break;
    default:
      break;
  }
}
