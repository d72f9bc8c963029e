import { decimal } from '../../shared/decimal.ts';
import type { Book } from './book.ts';
import type { Portfolio } from './portfolio.ts';
import { createRandom, type Random } from './random.ts';

/** Trades that somebody else makes: positions open, change and close by themselves. Condor legs stay as they are. */
export class Activity {
  readonly #book: Book;
  readonly #accounts: readonly string[];
  readonly #conIds: readonly number[];
  readonly #kept: ReadonlySet<number>;
  readonly #random: Random;

  constructor(options: { readonly portfolio: Portfolio; readonly book: Book; readonly seed: number }) {
    const { portfolio } = options;
    this.#book = options.book;
    this.#accounts = portfolio.accounts;
    this.#kept = new Set(portfolio.condors.flatMap(({ legs }) => legs.map(({ conId }) => conId)));
    this.#conIds = portfolio.instruments
      .filter(({ contract }) => contract.secType !== 'IND' && !this.#kept.has(contract.conId))
      .map(({ contract }) => contract.conId);
    this.#random = createRandom(options.seed ^ 0x5eed);
  }

  /** One change: in the long run as many open as close. */
  step(): void {
    const free = this.#book.positions.filter(({ conId }) => !this.#kept.has(conId));
    const draw = this.#random.next();
    if (free.length === 0 || draw < 0.3) {
      this.#open();
      return;
    }
    const row = this.#random.pick(free);
    if (draw < 0.6) {
      this.#book.close(row);
      return;
    }
    const quantity = Number(row.quantity) + (this.#random.next() < 0.5 ? 1 : -1);
    this.#book.change({ ...row, quantity: decimal(quantity) });
  }

  #open(): void {
    if (this.#conIds.length === 0) return;
    const conId = this.#random.pick(this.#conIds);
    const account = this.#random.pick(this.#accounts);
    if (this.#book.positions.some((row) => row.account === account && row.conId === conId)) return;
    this.#book.open({ account, conId, quantity: '1', averageCost: decimal(1 + this.#random.below(500)) });
  }
}
