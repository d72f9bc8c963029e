import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PortfolioRow } from '../../../../bridge/gateway/events.ts';
import { PortfolioMarks } from '../../../../bridge/lines/lane/portfolio-marks.ts';
import { priceOf } from '../../../../bridge/lines/lane/portfolio-price.ts';
import { details, ScriptedGateway } from '../../scripted-gateway.ts';

const [FIRST, SECOND] = ['DU1111111', 'DU2222222'] as const;

function row(conId: number, marketPrice: number, fields: Partial<PortfolioRow> = {}): PortfolioRow {
  const contract = { ...details(conId).contract, multiplier: '100' };
  return { account: FIRST, contract, quantity: '1', marketPrice, averageCost: '100', ...fields };
}

describe('the price of a holding', () => {
  it('is what the account window says', () => {
    expect(priceOf(row(1, 2.345, { quantity: '-3', marketValue: -703.5 }))).toBe(2.345);
    expect(priceOf(row(1, 2.345))).toBe(2.345);
  });

  it('is in the currency where the contract is quoted in cents: its market value tells', () => {
    const corn = { ...row(1, 450).contract, multiplier: '5000' };
    expect(priceOf(row(1, 450.25, { contract: corn, quantity: '2', marketValue: 45_025 }))).toBe(4.5025);
    expect(priceOf(row(1, 4.5025, { contract: corn, quantity: '2', marketValue: 45_025 }))).toBe(4.5025);
    const { multiplier: _, ...share } = corn;
    expect(priceOf(row(1, 1234.5, { contract: share, quantity: '10', marketValue: 123.45 }))).toBe(12.345);
  });

  it('is not thrown off by a value that was rounded to nothing, or that nobody knows the multiplier of', () => {
    expect(priceOf(row(1, 0.0001, { marketValue: 0.01 }))).toBe(0.0001);
    expect(priceOf(row(1, 0.00001, { marketValue: 0 }))).toBe(0.00001);
    const { multiplier: _, ...unknown } = row(1, 3).contract;
    expect(priceOf(row(1, 3, { contract: unknown, marketValue: 300 }))).toBe(3);
  });

  it('is unknown where nothing is held, and where there is none', () => {
    expect(priceOf(row(1, 2, { quantity: '0' }))).toBeUndefined();
    expect(priceOf(row(1, 0))).toBeUndefined();
    const { marketPrice: _, ...priceless } = row(1, 2);
    expect(priceOf(priceless)).toBeUndefined();
  });
});

describe('marks by the account window', () => {
  let gateway: ScriptedGateway;
  let marks: PortfolioMarks;
  let accounts: Set<string>;
  let read: string[];
  let quoted: number[];
  let answers: Record<string, readonly PortfolioRow[] | Error>;

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new ScriptedGateway();
    accounts = new Set([FIRST]);
    [read, quoted] = [[], []];
    answers = { [FIRST]: [row(1, 2), row(2, 3)], [SECOND]: [row(2, 4), row(3, 5)] };
    marks = new PortfolioMarks({
      gateway,
      readPortfolio: async (account) => {
        read.push(account);
        const answer = answers[account] ?? [];
        if (answer instanceof Error) throw answer;
        return answer;
      },
      accounts: () => accounts,
      onQuote: (conId) => quoted.push(conId),
      periodMs: 900_000,
      retryMs: 60_000,
    });
    marks.start();
  });

  afterEach(() => {
    marks.stop();
    vi.useRealTimers();
  });

  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('reads each account once per period, one after the other, the first at once', async () => {
    accounts.add(SECOND);
    await settle();
    expect(read).toEqual([]);
    gateway.ready();
    marks.update();
    expect(read).toEqual([FIRST]);
    await settle();
    expect(read).toEqual([FIRST, SECOND]);
    expect(quoted).toEqual([1, 2, 2, 3]);
    await vi.advanceTimersByTimeAsync(899_999);
    expect(read.length).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(read).toEqual([FIRST, SECOND, FIRST, SECOND]);
  });

  it('marks with a price and its time, quality delayed; of two accounts the newest', async () => {
    const at = new Date(Date.now()).toISOString();
    gateway.ready();
    await settle();
    expect(marks.quoteOf(2)).toEqual({ quality: 'delayed', mark: { price: 3, at } });
    expect(marks.quoteOf(3)).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    accounts.add(SECOND);
    marks.update();
    await settle();
    expect(marks.quoteOf(1)?.mark).toEqual({ price: 2, at });
    expect(marks.quoteOf(2)?.mark?.price).toBe(4);
    expect(marks.status()).toMatchObject({
      class: 'mark',
      source: 'portfolio',
      contracts: 3,
      quoted: 3,
      periodMs: 900_000,
      reachedPeriodMs: 900_000,
      oldestMs: 1_000,
    });
  });

  it('asks again after a minute where the list did not come, and calls the old marks old in the end', async () => {
    gateway.ready();
    await settle();
    answers[FIRST] = new Error('no end of the list');
    await vi.advanceTimersByTimeAsync(900_000);
    expect(read.length).toBe(2);
    expect(marks.quoteOf(1)).toMatchObject({ quality: 'delayed', mark: { price: 2 } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read.length).toBe(3);
    await vi.advanceTimersByTimeAsync(900_000);
    expect(marks.quoteOf(1)).toMatchObject({ quality: 'stale', mark: { price: 2 } });
    expect(marks.status().reachedPeriodMs).toBe(1_860_000);
  });

  it('calls them stale while the link is down, asks nobody then, and everybody when it is back', async () => {
    gateway.ready();
    await settle();
    gateway.emit({ type: 'linkDown', code: 1100 });
    expect(marks.quoteOf(1)?.quality).toBe('stale');
    await vi.advanceTimersByTimeAsync(900_000);
    expect(read.length).toBe(1);
    gateway.emit({ type: 'linkUp', linesKept: true });
    await settle();
    expect(read.length).toBe(2);
    expect(marks.quoteOf(1)?.quality).toBe('delayed');
    gateway.emit({ type: 'lost', reason: 'reset' });
    expect(marks.quoteOf(1)?.quality).toBe('stale');
    gateway.ready();
    await settle();
    expect(read.length).toBe(3);
  });

  it('reads earlier what is too old for whoever needs it, and counts the period from there', async () => {
    gateway.ready();
    await vi.advanceTimersByTimeAsync(600_000);
    marks.refresh(600_001);
    expect(read.length).toBe(1);
    marks.refresh(60_000);
    await vi.advanceTimersByTimeAsync(899_999);
    expect(read.length).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(read.length).toBe(3);
  });

  it('forgets what closed, what the account does not list any more, and whole accounts', async () => {
    gateway.ready();
    await settle();
    marks.forget(1);
    expect(marks.quoteOf(1)).toBeUndefined();
    answers[FIRST] = [row(7, 8)];
    await vi.advanceTimersByTimeAsync(900_000);
    expect(marks.quoteOf(2)).toBeUndefined();
    expect(marks.status().contracts).toBe(1);
    accounts.clear();
    marks.update();
    expect(marks.quoteOf(7)).toBeUndefined();
    expect(marks.status()).toMatchObject({ contracts: 0, reachedPeriodMs: 900_000 });
    await vi.advanceTimersByTimeAsync(900_000);
    expect(read.length).toBe(2);
  });

  it('takes no answer of an account that went meanwhile, and stops for good', async () => {
    gateway.ready();
    accounts.clear();
    marks.update();
    await settle();
    expect(marks.quoteOf(1)).toBeUndefined();
    accounts.add(FIRST);
    marks.stop();
    marks.update();
    await vi.advanceTimersByTimeAsync(900_000);
    expect(read.length).toBe(1);
  });
});
