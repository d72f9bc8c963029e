import { DECIMAL_SCALE, type Decimal, decimal } from '../../../shared/decimal.ts';
import { createRandom, hashText } from '../random.ts';

/** Other people's accounts may stand in a text too; IB's begin with letters such as U, DU, F or DF. */
const ACCOUNT_LIKE = /\b[A-Z]{1,3}\d{5,9}\b/g;
const SOMEBODY = 'DU9999999';

/** Replaces account numbers by others, the same one by the same one wherever it stands. */
export class Disguise {
  readonly #names: ReadonlyMap<string, string>;

  /** @param accounts in any order: the names follow the order of the numbers */
  constructor(accounts: Iterable<string>) {
    const sorted = [...new Set(accounts)].sort();
    this.#names = new Map(sorted.map((account, index) => [account, `DU${9_000_001 + index}`]));
  }

  get accounts(): readonly string[] {
    return [...this.#names.values()];
  }

  account(account: string): string {
    return this.#names.get(account) ?? SOMEBODY;
  }

  /** @returns the text without a number that was or looks like an account's */
  text(text: string): string {
    let disguised = text;
    const ours = new Set(this.#names.values());
    for (const [account, name] of this.#names) disguised = disguised.replaceAll(account, name);
    return disguised.replace(ACCOUNT_LIKE, (found) => (ours.has(found) ? found : SOMEBODY));
  }
}

/**
 * Another quantity of the same kind: its sign and whether it is a fraction stay, its size does not.
 * @param seed the same seed and key give the same quantity
 */
export function scrambledQuantity(quantity: Decimal, seed: number, key: string): Decimal {
  const random = createRandom((seed ^ hashText(key)) >>> 0);
  const digits = Math.min(DECIMAL_SCALE, quantity.split('.')[1]?.length ?? 0);
  const size = 1 + random.below(9) + (digits === 0 ? 0 : (1 + random.below(9)) / 10 ** digits);
  return decimal(quantity.startsWith('-') ? -size : size);
}

/** What somebody might have paid for it, whatever was. @param value of one contract now */
export function inventedCost(value: number, seed: number, key: string): Decimal {
  const random = createRandom((seed ^ hashText(`cost ${key}`)) >>> 0);
  return decimal((value * (0.8 + 0.4 * random.next())).toFixed(4));
}
