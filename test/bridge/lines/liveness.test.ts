import { describe, expect, it } from 'vitest';
import { judgeLiveness, type LineFacts } from '../../../bridge/lines/liveness.ts';

const LIMITS = { answerDeadlineMs: 60_000, verifyDeadlineMs: 30_000, silenceMs: 120_000 };
const NOW = Date.parse('2026-11-23T15:00:00Z');
const MINUTE = 60_000;

/** Answered, never disturbed, its market open for an hour. */
const FACTS: LineFacts = {
  sentAt: NOW - 30 * MINUTE,
  heardAt: NOW - 1,
  verifyBy: undefined,
  openSince: NOW - 60 * MINUTE,
  siblingsHeardAt: NOW - 1,
  fruitless: 0,
};

const judge = (facts: Partial<LineFacts>) => judgeLiveness({ ...FACTS, ...facts }, LIMITS, NOW);
/** A line that is alone with its silence. */
const quiet = (ms: number, facts: Partial<LineFacts> = {}) =>
  judge({ heardAt: NOW - ms, siblingsHeardAt: NOW - ms, ...facts });

describe('a line', () => {
  it('is unanswered once its first message is overdue, whatever its market does', () => {
    const facts = { heardAt: 0, siblingsHeardAt: 0, openSince: undefined };
    expect(judge({ ...facts, sentAt: NOW - MINUTE + 1 })).toBe('alive');
    expect(judge({ ...facts, sentAt: NOW - MINUTE })).toBe('unanswered');
    // What an earlier request brought does not answer this one.
    expect(judge({ sentAt: NOW - MINUTE, heardAt: NOW - MINUTE - 1 })).toBe('unanswered');
    expect(judge({ sentAt: NOW - MINUTE, heardAt: NOW - MINUTE })).toBe('alive');
  });

  it('has to tick by its deadline after a disturbance, by night too', () => {
    expect(judge({ verifyBy: NOW + 1 })).toBe('alive');
    expect(judge({ verifyBy: NOW })).toBe('unverified');
    expect(judge({ verifyBy: NOW, openSince: undefined })).toBe('unverified');
  });

  it('is silent after two minutes without a message while its market is open', () => {
    expect(quiet(2 * MINUTE - 1)).toBe('alive');
    expect(quiet(2 * MINUTE)).toBe('silent');
  });

  it('is never silent while its market is closed, or where its hours are not known', () => {
    expect(quiet(20 * MINUTE, { openSince: undefined })).toBe('alive');
  });

  it('is given its time after the opening, however long it was silent over night', () => {
    expect(
      quiet(20 * 60 * MINUTE, { sentAt: NOW - 1000 * MINUTE * 60, openSince: NOW - 2 * MINUTE + 1 }),
    ).toBe('alive');
    expect(quiet(20 * 60 * MINUTE, { sentAt: NOW - 1000 * MINUTE * 60, openSince: NOW - 2 * MINUTE })).toBe(
      'silent',
    );
  });

  it('is waited for longer while a sibling speaks, but not for ever', () => {
    expect(quiet(2 * MINUTE, { siblingsHeardAt: NOW - 1000 })).toBe('alive');
    expect(quiet(10 * MINUTE - 1, { siblingsHeardAt: NOW - 1000 })).toBe('alive');
    expect(quiet(10 * MINUTE, { siblingsHeardAt: NOW - 1000 })).toBe('silent');
    // A sibling that fell silent too is no evidence of life.
    expect(quiet(3 * MINUTE, { siblingsHeardAt: NOW - 2 * MINUTE })).toBe('silent');
  });

  it('that stays silent is asked for less and less often, and once an hour at least', () => {
    const firstSilent = (fruitless: number) => {
      const facts = { fruitless, sentAt: NOW - 300 * MINUTE, openSince: NOW - 300 * MINUTE };
      return [1, 2, 4, 8, 16, 32, 60, 64].find((minutes) => quiet(minutes * MINUTE, facts) === 'silent');
    };
    expect([0, 1, 2, 3, 4, 5, 50].map(firstSilent)).toEqual([2, 4, 8, 16, 32, 60, 60]);
  });
});
