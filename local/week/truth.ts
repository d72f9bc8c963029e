import type { Position } from '../gateway/portfolio.ts';

/** Key of a position: `DU1234567 750000001`. */
export function positionKeyOf(row: { readonly account: string; readonly conId: number }): string {
  return `${row.account} ${row.conId}`;
}

interface Turn {
  readonly atMs: number;
  /** Undefined: not held from here on. */
  readonly quantity: string | undefined;
}

/** What was truly held, and when: the only one that knows, because nobody else trades. */
export class Truth {
  readonly #turns = new Map<string, Turn[]>();

  /** @param atMs epoch milliseconds, no earlier than those noted before */
  note(atMs: number, positions: readonly Position[]): void {
    const held = new Map(positions.map((row) => [positionKeyOf(row), row.quantity]));
    for (const key of new Set([...this.#turns.keys(), ...held.keys()])) {
      const turns = this.#turns.get(key) ?? [];
      const quantity = held.get(key);
      if (turns.length === 0 || turns.at(-1)?.quantity !== quantity) turns.push({ atMs, quantity });
      this.#turns.set(key, turns);
    }
  }

  /** What is held now: key -> quantity. */
  get positions(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#turns].flatMap(([key, turns]) => {
        const quantity = turns.at(-1)?.quantity;
        return quantity === undefined ? [] : [[key, quantity] as const];
      }),
    );
  }

  /** True where it was not held at some moment from `fromMs` to `toMs`, both included. */
  wasAbsent(key: string, fromMs: number, toMs: number): boolean {
    const turns = this.#turns.get(key) ?? [];
    const [first] = turns;
    if (first === undefined || first.atMs > fromMs) return true;
    return turns.some(({ atMs, quantity }, index) => {
      const endMs = turns[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return quantity === undefined && atMs <= toMs && endMs >= fromMs;
    });
  }

  /** How often it began to be held, the beginning included. */
  openings(key: string): number {
    return (this.#turns.get(key) ?? []).filter(
      ({ quantity }, index, turns) =>
        quantity !== undefined && (index === 0 || turns[index - 1]?.quantity === undefined),
    ).length;
  }
}
