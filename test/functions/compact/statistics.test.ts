import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { statisticsOf } from '../../../functions/compact/statistics.ts';
import { Workbench } from '../../../functions/compact/workbench.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await Workbench.open();
});

afterAll(() => bench[Symbol.asyncDispose]());

const COLUMNS = [
  { name: 'seen', type: 'TIMESTAMP WITH TIME ZONE' },
  { name: 'cost', type: 'DECIMAL(18,8)' },
  { name: 'seq', type: 'BIGINT' },
  { name: 'day', type: 'DATE' },
  { name: 'delta', type: 'DOUBLE' },
  { name: 'name', type: 'VARCHAR' },
  { name: 'nothing', type: 'DECIMAL(18,8)' },
  { name: 'body_digest', type: 'VARCHAR' },
  { name: 'tags', type: 'VARCHAR[]' },
];

const ROWS = `(VALUES
  (TIMESTAMPTZ '2026-11-20 15:00:00.123456+00', 9999999999.99999999, 9007199254740991, DATE '2026-11-20', -0.25, 'b"', 'x'),
  (TIMESTAMPTZ '2026-11-20 15:00:00.123001+00', -0.00000001, 1, NULL, 1e-9, 'ä', 'y')
) AS rows (seen, cost, seq, day, delta, name, body_digest)`;

async function textOf(rows: string): Promise<string> {
  const file = join(bench.directory, 'rows.parquet');
  await bench.run(
    `COPY (SELECT seen, cost::DECIMAL(18,8) AS cost, seq::BIGINT AS seq, day, delta::DOUBLE AS delta, name,
       NULL::DECIMAL(18,8) AS nothing, body_digest, ['t'] AS tags FROM ${rows}) TO '${file}' (FORMAT parquet)`,
  );
  return (await statisticsOf(bench, file, COLUMNS)).text;
}

it('the bounds of a file take in every row: instants are rounded outwards, decimals have all of their digits', async () => {
  const text = await textOf(ROWS);
  expect(text).toContain('"cost":9999999999.99999999');
  expect(JSON.parse(text)).toEqual({
    numRecords: 2,
    minValues: {
      seen: '2026-11-20T15:00:00.123Z',
      cost: -1e-8,
      seq: 1,
      day: '2026-11-20',
      delta: -0.25,
      name: 'b"',
    },
    maxValues: {
      seen: '2026-11-20T15:00:00.124Z',
      cost: 1e10,
      seq: 9007199254740991,
      day: '2026-11-20',
      delta: 1e-9,
      name: 'ä',
    },
    nullCount: { seen: 0, cost: 0, seq: 0, day: 1, delta: 0, name: 0, nothing: 2, body_digest: 0 },
  });
});

it('a bound that is a whole millisecond stays as it is, before 1970 too', async () => {
  const text = await textOf(`(VALUES
    (TIMESTAMPTZ '1969-12-31 23:59:59.999+00', 1, 1, NULL, 0, 'a', 'x'),
    (TIMESTAMPTZ '1969-12-31 23:59:59.9985+00', 1, 1, NULL, 0, 'a', 'x')
  ) AS rows (seen, cost, seq, day, delta, name, body_digest)`);
  const { minValues, maxValues } = JSON.parse(text);
  expect([minValues.seen, maxValues.seen]).toEqual(['1969-12-31T23:59:59.998Z', '1969-12-31T23:59:59.999Z']);
});
