import { decimal } from '../../shared/decimal.ts';
import type { StrategyInput } from '../../shared/strategy.ts';
import { Book } from '../gateway/book.ts';
import type { FaultOf } from '../gateway/faults.ts';
import type { Instrument, Portfolio, Position } from '../gateway/portfolio.ts';
import type { Random } from '../gateway/random.ts';
import { strategiesOfCondors } from '../run/seed.ts';
import { applyTrade, type Deed, type Trade } from './deeds.ts';
import { shuffled } from './shuffled.ts';

/**
 * Who trades in a week, and who changes the registry. Draws one deed after the other in the order of time: what is
 * closed was open, what is switched on was off. Keeps a book of its own, which is what the gateway's will be.
 */
export class Desk {
  readonly #random: Random;
  readonly #book: Book;
  readonly #instruments: ReadonlyMap<number, Instrument>;
  readonly #portfolio: Portfolio;
  readonly #strategies: Map<string, StrategyInput>;

  constructor(portfolio: Portfolio, random: Random) {
    this.#random = random;
    this.#portfolio = portfolio;
    this.#instruments = new Map(portfolio.instruments.map((each) => [each.contract.conId, each]));
    this.#book = new Book({ ...portfolio, instruments: this.#instruments });
    this.#strategies = new Map(strategiesOfCondors(portfolio.condors).map((each) => [each.id, each]));
  }

  /** What is off at the end of a day stays off overnight. */
  switch(): Deed {
    const strategies = [...this.#strategies.values()];
    const off = strategies.filter(({ status }) => status === 'INACTIVE');
    const strategy = this.#random.pick(off.length > 0 && this.#random.next() < 0.6 ? off : strategies);
    const status = strategy.status === 'ACTIVE' ? 'INACTIVE' : 'ACTIVE';
    this.#strategies.set(strategy.id, { ...strategy, status });
    return { do: 'switch', id: strategy.id, status };
  }

  /** Two short options are gone in the morning, one of them for its underlying. */
  settle(): FaultOf<'assignment' | 'expiry'>[] {
    return (['assignment', 'expiry'] as const).flatMap((kind) => {
      const row = this.#pickHeld(({ contract }) => contract.secType === 'OPT');
      if (row === undefined) return [];
      const { account, conId } = row;
      if (kind === 'assignment') this.#book.assign({ account, conId });
      else this.#book.expire({ account, conId });
      return [{ kind, account, conId }];
    });
  }

  trade(): Deed {
    for (;;) {
      const deed = this.#anyTrade();
      if (deed !== undefined) return deed;
    }
  }

  #anyTrade(): Deed | undefined {
    const draw = this.#random.next();
    if (draw < 0.35) {
      const free = this.#portfolio.instruments.filter(({ contract }) => this.#isFree(contract));
      const { contract } = this.#random.pick(free);
      const account = this.#random.pick(this.#portfolio.accounts);
      const isHeld = this.#book.positions.some(
        (row) => row.account === account && row.conId === contract.conId,
      );
      if (isHeld) return undefined;
      const averageCost = decimal(1 + this.#random.below(500));
      const quantity = decimal(this.#random.below(2) === 0 ? 1 : -2);
      return this.#does({
        type: 'open',
        position: { account, conId: contract.conId, quantity, averageCost },
      });
    }
    const row = this.#pickHeld(() => true);
    if (row === undefined) return undefined;
    if (draw < 0.6) return this.#does({ type: 'close', account: row.account, conId: row.conId });
    const quantity = Number(row.quantity) + 1;
    if (quantity === 0) return undefined;
    return this.#does({ type: 'change', position: { ...row, quantity: decimal(quantity) } });
  }

  roll(): Deed | undefined {
    for (const strategy of shuffled([...this.#strategies.values()], this.#random)) {
      const side = this.#random.next() < 0.5 ? 'P' : 'C';
      const targets = strategy.legs.map(({ conId }) => this.#rollTarget(conId, side, strategy.account));
      const trades: Trade[] = [];
      const legs = strategy.legs.map((leg, index) => {
        const target = targets[index];
        const held = this.#held(strategy.account, leg.conId);
        if (target === undefined || held === undefined) return leg;
        trades.push(
          { type: 'close', account: strategy.account, conId: leg.conId },
          { type: 'open', position: { ...held, conId: target, quantity: leg.quantity } },
        );
        return { ...leg, conId: target };
      });
      if (trades.length === 0) continue;
      const rolled = { ...strategy, legs };
      this.#strategies.set(strategy.id, rolled);
      for (const trade of trades) applyTrade(this.#book, trade);
      return { do: 'roll', strategy: rolled, trades };
    }
    return undefined;
  }

  /** The same strike later, if it can be asked for and nobody has it. */
  #rollTarget(conId: number, side: 'P' | 'C', account: string): number | undefined {
    const from = this.#instruments.get(conId);
    if (from?.contract.right !== side) return undefined;
    const { strike, lastTradeDate = '' } = from.contract;
    const isWanted = (wanted: number) =>
      [...this.#strategies.values()].some(({ legs }) => legs.some((leg) => leg.conId === wanted));
    return this.#portfolio.instruments.find(
      ({ contract, underConId }) =>
        underConId === from.underConId &&
        contract.right === side &&
        contract.strike === strike &&
        (contract.lastTradeDate ?? '') > lastTradeDate &&
        !isWanted(contract.conId) &&
        this.#held(account, contract.conId) === undefined,
    )?.contract.conId;
  }

  #does(trade: Trade): Deed {
    applyTrade(this.#book, trade);
    return { do: 'trade', trade };
  }

  #held(account: string, conId: number): Position | undefined {
    return this.#book.positions.find((row) => row.account === account && row.conId === conId);
  }

  /** Of what no strategy has. */
  #pickHeld(fits: (instrument: Instrument) => boolean): Position | undefined {
    const rows = this.#book.positions.filter(({ conId }) => {
      const instrument = this.#instruments.get(conId);
      return instrument !== undefined && this.#isFree(instrument.contract) && fits(instrument);
    });
    return rows.length === 0 ? undefined : this.#random.pick(rows);
  }

  #isFree({ conId, secType }: Instrument['contract']): boolean {
    if (secType === 'IND') return false;
    return ![...this.#strategies.values()].some(({ legs }) => legs.some((leg) => leg.conId === conId));
  }
}
