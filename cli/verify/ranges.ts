/** Sequence numbers, both ends included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** @returns the same numbers in order, without overlap */
export function merged(ranges: readonly Range[]): Range[] {
  const result: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((left, right) => left.first - right.first)) {
    const before = result.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else result.push({ first, last });
  }
  return result;
}

/** @param taken in any order @returns the numbers of `ranges` that are not in `taken` */
export function without(ranges: readonly Range[], taken: readonly Range[]): Range[] {
  const cuts = merged(taken);
  const result: Range[] = [];
  let next = 0;
  for (const { first, last } of merged(ranges)) {
    while (next > 0 && (cuts[next - 1]?.last ?? 0) >= first) next -= 1;
    let from = first;
    for (; next < cuts.length; next += 1) {
      const cut = cuts[next];
      if (cut === undefined || cut.first > last) break;
      if (cut.first > from) result.push({ first: from, last: cut.first - 1 });
      from = Math.max(from, cut.last + 1);
    }
    if (from <= last) result.push({ first: from, last });
  }
  return result;
}

export function within(ranges: readonly Range[], bounds: Range): Range[] {
  return ranges
    .map(({ first, last }) => ({ first: Math.max(first, bounds.first), last: Math.min(last, bounds.last) }))
    .filter(({ first, last }) => first <= last);
}

export function size(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
