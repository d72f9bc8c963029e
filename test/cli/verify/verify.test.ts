import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTradingDate } from '../../../cli/trading-date.ts';
import type { Acknowledgement, Evidence, StoredRun } from '../../../cli/verify/evidence.ts';
import { type Terms, verify } from '../../../cli/verify/verify.ts';
import type { Ledger } from '../../../shared/message.ts';
import { ledger } from '../../support/messages.ts';

const EPOCH = '1795190400000-aaaaaa';
const LATER = '1795201200000-bbbbbb';
const NOON = Date.parse('2026-11-20T18:00:00.000Z');
const HORIZON_MS = 1_830_000;
const TERMS: Terms = { nowMs: NOON, horizonMs: HORIZON_MS };

function evidence(overrides: Partial<Evidence> = {}): Evidence {
  return {
    ledgers: [],
    acknowledgements: [],
    stored: [],
    dead: [],
    drops: [],
    digests: [],
    conflicts: 0,
    ...overrides,
  };
}

function run(first: number, last: number, overrides: Partial<StoredRun> = {}): StoredRun {
  const atMs = Date.parse('2026-11-20T15:00:00.000Z');
  return {
    bridge: 'home',
    epoch: EPOCH,
    first,
    last,
    firstAtMs: atMs,
    lastAtMs: atMs,
    countInTime: last - first + 1,
    ...overrides,
  };
}

function ends(last: number, overrides: Partial<Ledger> = {}): Ledger {
  return ledger({ epoch: EPOCH, last, count: last, began: { cause: 'start' }, ...overrides });
}

function taken(acknowledged: number, agoMs: number): Acknowledgement {
  return { bridge: 'home', epoch: EPOCH, acknowledged, atMs: NOON - agoMs };
}

const OF_EPOCH = { bridge: 'home', epoch: EPOCH } as const;

describe('verify', () => {
  it('is balanced when stored, dead-lettered and dropped are all that was produced, each number counted once', () => {
    const found = verify(
      evidence({
        ledgers: [ends(10)],
        stored: [run(1, 4), run(6, 8)],
        dead: [
          { ...OF_EPOCH, seq: 5, atMs: NOON },
          { ...OF_EPOCH, seq: 6, atMs: NOON },
        ],
        drops: [{ ...OF_EPOCH, first: 8, last: 10 }],
      }),
      TERMS,
    );
    expect(found).toMatchObject({
      verdict: 'balanced',
      epochs: [{ produced: 10, stored: 7, deadLettered: 1, dropped: 2, inFlight: 0, waiting: 0, lost: 0 }],
    });
  });

  it('calls a number lost once the queue has had it for longer than it may be under way, and names it', () => {
    const missing = { ledgers: [ends(10)], stored: [run(1, 3), run(6, 10)] };
    const at = (agoMs: number) =>
      verify(evidence({ ...missing, acknowledgements: [taken(10, agoMs)] }), TERMS);
    expect(at(HORIZON_MS - 1)).toMatchObject({ verdict: 'undecided', epochs: [{ inFlight: 2, lost: 0 }] });
    expect(at(HORIZON_MS)).toMatchObject({
      verdict: 'lost',
      epochs: [{ inFlight: 0, lost: 2, lostRanges: [{ first: 4, last: 5 }] }],
    });
  });

  it('leaves a number to the outbox for as long as no ledger says that it has left', () => {
    const found = verify(
      evidence({
        ledgers: [ends(10)],
        stored: [run(1, 3)],
        acknowledgements: [taken(5, HORIZON_MS), taken(7, 0)],
      }),
      TERMS,
    );
    expect(found.epochs).toMatchObject([{ lost: 2, inFlight: 2, waiting: 3 }]);
  });

  it('knows of a gap below a stored number without any ledger', () => {
    expect(verify(evidence({ stored: [run(3, 4)] }), TERMS)).toMatchObject({
      verdict: 'undecided',
      epochs: [{ produced: 4, stored: 2, waiting: 2, lacksLedger: true }],
    });
  });

  it('takes the end of an epoch from the one after it when its own ledger is missing', () => {
    const began = { cause: 'start', predecessor: { epoch: EPOCH, seq: 5 } } as const;
    const after = ends(1, { epoch: LATER, began });
    const rows = [run(1, 3), run(1, 1, { epoch: LATER })];
    expect(verify(evidence({ ledgers: [after], stored: rows }), TERMS)).toMatchObject({
      verdict: 'undecided',
      epochs: [
        { epoch: EPOCH, produced: 5, waiting: 2 },
        { epoch: LATER, produced: 1 },
      ],
    });
    expect(verify(evidence({ ledgers: [after], stored: [run(1, 5), ...rows] }), TERMS).verdict).toBe(
      'balanced',
    );
  });

  it.each(['quarantined', 'restored', 'first'] as const)(
    'never calls it balanced when another outbox followed (%s)',
    (cause) => {
      const predecessor = cause === 'first' ? {} : { predecessor: { epoch: EPOCH, seq: 6 } };
      const after = ends(1, { epoch: LATER, began: { cause, ...predecessor } });
      const whole = { ledgers: [ends(6), after], stored: [run(1, 6), run(1, 1, { epoch: LATER })] };
      expect(verify(evidence(whole), TERMS)).toMatchObject({
        verdict: 'balanced except an unknown tail',
        epochs: [{ epoch: EPOCH, hasUnknownTail: true, unknown: 0 }, { hasUnknownTail: false }],
      });
      const cut = { ...whole, stored: [run(1, 2), run(1, 1, { epoch: LATER })] };
      const found = verify(evidence({ ...cut, acknowledgements: [taken(3, HORIZON_MS)] }), TERMS);
      expect(found.verdict).toBe('lost');
      expect(found.epochs[0]).toMatchObject({
        lost: 1,
        lostRanges: [{ first: 3, last: 3 }],
        unknown: 3,
        waiting: 0,
      });
    },
  );

  it('sees other rows than a ledger names, and ids with two bodies', () => {
    const day = { ...OF_EPOCH, day: '2026-11-20', count: 3 };
    const whole = { ledgers: [ends(3)], stored: [run(1, 3)] };
    const digests = (digest: string) => [{ ...day, digest }];
    expect(verify(evidence({ ...whole, digests: digests('a'.repeat(64)) }), TERMS).verdict).toBe('balanced');
    expect(verify(evidence({ ...whole, digests: digests('b'.repeat(64)) }), TERMS)).toMatchObject({
      verdict: 'lost',
      mismatches: [{ epoch: EPOCH, day: '2026-11-20' }],
    });
    expect(verify(evidence({ ...whole, conflicts: 1 }), TERMS).verdict).toBe('lost');
  });

  it('says so when there is nothing to judge', () => {
    expect(verify(evidence(), TERMS)).toMatchObject({ verdict: 'nothing known', epochs: [] });
  });

  it('counts of a trading date what was observed in it, and every gap that may belong to it', () => {
    const { startMs, endMs } = parseTradingDate('2026-11-20');
    const at = (text: string) => ({ firstAtMs: Date.parse(text), lastAtMs: Date.parse(text) });
    const found = (date: string) =>
      verify(
        evidence({
          ledgers: [ends(9)],
          acknowledgements: [taken(9, HORIZON_MS)],
          stored: [
            run(1, 2, { ...at('2026-11-19T22:59:00.000Z'), countInTime: date === '2026-11-19' ? 2 : 0 }),
            run(4, 6, { ...at('2026-11-20T15:00:00.000Z'), countInTime: date === '2026-11-20' ? 3 : 0 }),
            run(8, 9, { ...at('2026-11-20T16:00:00.000Z'), countInTime: date === '2026-11-20' ? 2 : 0 }),
          ],
        }),
        { ...TERMS, time: parseTradingDate(date) },
      );
    expect(endMs - startMs).toBe(86_400_000);
    expect(found('2026-11-20').epochs).toMatchObject([{ produced: 7, stored: 5, lost: 2 }]);
    expect(found('2026-11-19').epochs).toMatchObject([{ produced: 3, stored: 2, lost: 1 }]);
    expect(found('2026-11-21').verdict).toBe('nothing known');
  });

  it('finds exactly the numbers that are nowhere, whatever is where', () => {
    const place = fc.constantFrom('stored', 'dead', 'dropped', 'nowhere');
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 60 }), (places) => {
        const seqs = (wanted: string) =>
          places.flatMap((each, index) => (each === wanted ? [index + 1] : []));
        const found = verify(
          evidence({
            ledgers: [ends(places.length)],
            acknowledgements: [taken(places.length, HORIZON_MS)],
            stored: seqs('stored').map((seq) => run(seq, seq)),
            dead: seqs('dead').map((seq) => ({ ...OF_EPOCH, seq, atMs: NOON })),
            drops: seqs('dropped').map((seq) => ({ ...OF_EPOCH, first: seq, last: seq })),
          }),
          TERMS,
        );
        const [epoch] = found.epochs;
        const lost = (epoch?.lostRanges ?? []).flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, index) => first + index),
        );
        expect(lost).toEqual(seqs('nowhere'));
        expect(epoch).toMatchObject({
          produced: places.length,
          stored: seqs('stored').length,
          deadLettered: seqs('dead').length,
          dropped: seqs('dropped').length,
        });
      }),
    );
  });
});
