import { isZero } from '../../shared/decimal.ts';
import type { Instrument, Position } from './portfolio.ts';

/** Positions that open, change and close while it runs; every call pushes a row to the subscribers. */
export interface PortfolioControl {
  readonly positions: readonly Position[];
  /** @throws RangeError when the account or conId is unknown, or the position exists */
  open(position: Position): void;
  /** @throws RangeError when there is no such position */
  change(position: Position): void;
  /** Pushes a row of quantity 0. @throws RangeError when there is no such position */
  close(key: { readonly account: string; readonly conId: number }): void;
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

  close(key: { readonly account: string; readonly conId: number }): void {
    this.#put({ ...this.#held(key), quantity: '0', averageCost: '0' });
  }

  #held(key: { readonly account: string; readonly conId: number }): Position {
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

function keyOf({ account, conId }: { readonly account: string; readonly conId: number }): string {
  return `${account} ${conId}`;
}
