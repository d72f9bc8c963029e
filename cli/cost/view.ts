import { table } from '../output/table.ts';
import type { Month } from './month.ts';
import { PRICES } from './prices.ts';

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });

/** @returns the month as a person reads it: what drives the cost, then what AWS asks for it */
export function monthText(month: Month): string {
  const { lines, costs, unpriced } = month;
  const drivers = table(
    lines.toSorted((left, right) => right.grossUsd - left.grossUsd),
    [
      { head: 'DRIVER', cell: ({ driver }) => driver },
      { head: 'PATH', cell: ({ path }) => path },
      { head: 'USD', cell: ({ grossUsd }) => usd(grossUsd), align: 'right' },
      { head: 'FROM', cell: ({ basis }) => basis },
    ],
  );
  const services = table(
    costs.toSorted((left, right) => compare(left.service, right.service) || right.grossUsd - left.grossUsd),
    [
      { head: 'SERVICE', cell: ({ service }) => service },
      { head: 'COUNT', cell: ({ amount }) => shown(amount), align: 'right' },
      { head: 'OF', cell: ({ price }) => PRICES[price].unit },
      { head: 'BEFORE FREE', cell: ({ grossUsd }) => usd(grossUsd), align: 'right' },
      { head: 'AFTER', cell: ({ netUsd }) => usd(netUsd), align: 'right' },
    ],
  );
  const cloudwatch = costs.filter(({ service }) => service === 'CloudWatch');
  const of = (field: 'grossUsd' | 'netUsd') =>
    usd(cloudwatch.reduce((total, each) => total + each[field], 0));
  return [
    drivers,
    '',
    services,
    '',
    `ingest path   ${usd(month.ingestGrossUsd)} before the free part`,
    `CloudWatch    ${of('grossUsd')} before the free part, ${of('netUsd')} after it`,
    `whole stack   ${usd(month.grossUsd)} before the free part, ${usd(month.netUsd)} after it`,
    ...(unpriced.length === 0 ? [] : [`without a price, and missing above: ${unpriced.join(', ')}`]),
    '',
    `USD a month of 24 x 5 in us-east-1 for ${number.format(month.contracts)} contracts, from counts of ${minutes(month.measuredMs)}; what is assumed: docs/cost.md`,
  ].join('\n');
}

function usd(value: number): string {
  return value.toFixed(2);
}

function shown(amount: number): string {
  return (amount < 100 ? small : number).format(amount);
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(0)} min`;
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
