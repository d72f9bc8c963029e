import fc from 'fast-check';
import { type Snapshot, snapshotId } from '../../shared/snapshot.ts';

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** Fits DECIMAL(18,8). */
const decimalText = fc
  .tuple(fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }))
  .map(([unscaled]) => decimalOf(unscaled));

/** Any text that UTF-8 can carry, empty excluded where the schema does. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

const instantText = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());

const day = instantText.map((at) => at.slice(0, 10).replaceAll('-', ''));
const float = fc.double({ noNaN: true, noDefaultInfinity: true });

const mark = fc.record(
  {
    bid: float,
    ask: float,
    last: float,
    price: float,
    iv: float,
    delta: float,
    gamma: float,
    vega: float,
    theta: float,
    underlying: float,
    at: instantText,
    greeksAt: instantText,
  },
  { requiredKeys: [] },
);

const contract = fc
  .record({
    conId: fc.integer({ min: 1, max: 2 ** 31 }),
    symbol: text,
    secType: fc.constantFrom('STK', 'OPT', 'FUT', 'FOP'),
    lastTradeDate: optional(day),
    strike: optional(decimalText),
    right: optional(fc.constantFrom('C' as const, 'P' as const)),
    multiplier: optional(decimalText),
    exchange: optional(text),
    currency: fc.constantFrom('USD', 'EUR'),
    localSymbol: optional(text),
    tradingClass: optional(text),
  })
  .map(withoutUndefined);

/** Every snapshot that the schema allows and a row can hold. */
export const arbitrarySnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    schema: fc.constant(1 as const),
    kind: fc.constant('snapshot' as const),
    bridge: fc.constantFrom('home', 'cloud'),
    epoch: fc.constantFrom('1785300000000-k3x9qa', '1785300000001-000000'),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    sweepId: optional(text),
    lane: fc.constantFrom('stream' as const, 'poll' as const),
    priority: fc.constantFrom(1 as const, 2 as const),
    reason: fc.constantFrom('opened', 'changed', 'closed', 'keyframe'),
    account: text,
    modelCode: optional(text),
    contract,
    quantity: decimalText,
    averageCost: decimalText,
    mark: optional(mark),
    quality: fc.constantFrom('live', 'delayed', 'no-bid', 'none'),
    strategyIds: fc.array(text, { maxLength: 3 }),
    registryVersion: fc.nat(),
    observedAt: instantText,
  })
  .map((fields) => withoutUndefined({ ...fields, id: snapshotId(fields) }) as Snapshot);

/** @param unscaled in units of 10^-8 @returns the canonical decimal text */
export function decimalOf(unscaled: bigint): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(9, '0');
  const fraction = digits.slice(-8).replace(/0+$/, '');
  const sign = unscaled < 0n ? '-' : '';
  return `${sign}${digits.slice(0, -8)}${fraction === '' ? '' : `.${fraction}`}`;
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
