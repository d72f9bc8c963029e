import type { Month } from '../../cli/cost/month.ts';

/** What two runs of one system may differ by. */
const TOLERANCE = 0.1;

const FIGURES = {
  'ingest path, before the free part': ({ ingestGrossUsd }: Month) => ingestGrossUsd,
  'whole stack, before the free part': ({ grossUsd }: Month) => grossUsd,
  'whole stack, after it': ({ netUsd }: Month) => netUsd,
} as const;

export interface Comparison {
  readonly text: string;
  readonly agrees: boolean;
}

/** @returns both months side by side, and whether the shorter run would have told the longer one's within a tenth */
export function compareMonths(short: Month, long: Month): Comparison {
  const rows = Object.entries(FIGURES).map(([name, figure]) => {
    const [one, other] = [figure(short), figure(long)];
    return { name, one, other, difference: one / other - 1 };
  });
  const text = rows.map(
    ({ name, one, other, difference }) =>
      `${name.padEnd(34)} ${one.toFixed(2).padStart(6)} ${other.toFixed(2).padStart(6)} USD ${percent(difference)}`,
  );
  const heading = `${''.padEnd(34)} ${minutes(short).padStart(6)} ${minutes(long).padStart(6)}`;
  return {
    text: [heading, ...text].join('\n'),
    agrees: rows.every(({ difference }) => Math.abs(difference) <= TOLERANCE),
  };
}

function percent(share: number): string {
  return `${share < 0 ? '-' : '+'}${(100 * Math.abs(share)).toFixed(1)} %`.padStart(8);
}

function minutes({ measuredMs }: Month): string {
  return `${(measuredMs / 60_000).toFixed(0)} min`;
}
