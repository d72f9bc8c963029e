import type { Random } from '../gateway/random.ts';

/** Fisher and Yates. @returns a copy in an order of chance */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  const drawn: T[] = [];
  while (rest.length > 0) drawn.push(...rest.splice(random.below(rest.length), 1));
  return drawn;
}
