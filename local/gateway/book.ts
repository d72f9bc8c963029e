import { holderOf } from '../../shared/account.ts';
import { addDecimals, decimal, isZero } from '../../shared/decimal.ts';
import type { Instrument, Position } from './portfolio.ts';

/** Who holds what. */
type Place = Pick<Position, 'account' | 'modelCode' | 'conId'>;

/** Positions that open, change and close while it runs; every call pushes a row to the subscribers. */
export interface PortfolioControl {
  readonly positions: readonly Position[];
  /** @throws RangeError when the account or conId is unknown, or the position exists */
  open(position: Position): void;
  /** @throws RangeError when there is no such position */
  change(position: Position): void;
  /** Pushes a row of quantity 0. @throws RangeError when there is no such position */
  close(key: Place): void;
}

/** Who holds what, and the changes of it while the gateway runs. */
export class Book implements PortfolioControl {
  readonly #instruments: ReadonlyMap<number, Instrument>;
  readonly #accounts: ReadonlySet<string>;
  readonly #rows = new Map<string, Position>();
  readonly #listeners = new Set<(row: Position) => void>();

  constructor(options: {
    readonly accounts: readonly string[];
    readonly instruments: ReadonlyMap<number, Instrument>;
    readonly positions: readonly Position[];
  }) {
    this.#accounts = new Set(options.accounts);
    this.#instruments = options.instruments;
    for (const row of options.positions) this.#rows.set(keyOf(row), row);
  }

  get positions(): readonly Position[] {
    return [...this.#rows.values()];
  }

  /** As lists that know no models have it: each contract of an account once, models added up. */
  get accountPositions(): readonly Position[] {
    const sums = new Map<string, Position>();
    for (const { modelCode: _, ...row } of this.#rows.values()) {
      const present = sums.get(keyOf(row));
      sums.set(keyOf(row), present === undefined ? row : joined(present, row));
    }
    return [...sums.values()];
  }

  get size(): number {
    return this.#rows.size;
  }

  /** @returns unsubscribe */
  onChange(listener: (row: Position) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(position: Position): void {
    if (!this.#accounts.has(position.account)) throw new RangeError('no such account');
    if (!this.#instruments.has(position.conId)) throw new RangeError(`no such instrument: ${position.conId}`);
    if (this.#rows.has(keyOf(position))) throw new RangeError(`is open already: ${position.conId}`);
    this.#put(position);
  }

  change(position: Position): void {
    this.#held(position);
    this.#put(position);
  }

  close(key: Place): void {
    this.#put({ ...this.#held(key), quantity: '0', averageCost: '0' });
  }

  /** Overnight: the row is gone, and no subscriber is told. @throws RangeError when there is no such position */
  expire(key: Place): void {
    this.#rows.delete(keyOf(this.#held(key)));
  }

  /**
   * Overnight: an option goes and its underlying comes, and no subscriber is told. What settles in cash (an option on
   * an index) only goes.
   * @throws RangeError when there is no such position, or it is no option
   */
  assign(key: { readonly account: string; readonly conId: number }): void {
    const row = this.#held(key);
    const option = this.#instruments.get(row.conId);
    const underlying = this.#instruments.get(option?.underConId ?? 0);
    if (option === undefined || underlying === undefined) throw new RangeError(`no option: ${row.conId}`);
    this.#rows.delete(keyOf(row));
    const { secType, conId } = underlying.contract;
    if (secType === 'IND') return;
    const perContract = secType === 'STK' ? Number(option.contract.multiplier ?? 1) : 1;
    const direction = option.contract.right === 'C' ? 1 : -1;
    const delivered = { account: row.account, conId };
    const before = this.#rows.get(keyOf(delivered));
    const quantity = Number(before?.quantity ?? 0) + direction * Number(row.quantity) * perContract;
    // IB's average cost of a future contains its multiplier.
    const cost =
      Number(option.contract.strike) *
      (secType === 'STK' ? 1 : Number(underlying.contract.multiplier ?? 1) / underlying.priceMagnifier);
    if (quantity === 0) this.#rows.delete(keyOf(delivered));
    else {
      this.#rows.set(keyOf(delivered), {
        ...delivered,
        quantity: decimal(quantity),
        averageCost: before?.averageCost ?? decimal(cost),
      });
    }
  }

  #held(key: Place): Position {
    const row = this.#rows.get(keyOf(key));
    if (row === undefined) throw new RangeError(`no such position: ${key.conId}`);
    return row;
  }

  #put(row: Position): void {
    if (isZero(row.quantity)) this.#rows.delete(keyOf(row));
    else this.#rows.set(keyOf(row), row);
    for (const listener of this.#listeners) listener(row);
  }
}

function keyOf(place: Place): string {
  return `${holderOf(place)} ${place.conId}`;
}

/** The cost of what was there before stands for both: what IB says of models together is not documented. */
function joined(left: Position, right: Position): Position {
  return { ...left, quantity: addDecimals(left.quantity, right.quantity) };
}
