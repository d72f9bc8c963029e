import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COLUMN_NAMES, encodeRows, toRow } from '../../../functions/drain/parquet.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { arbitrarySnapshot } from '../../support/arbitrary-snapshots.ts';
import { snapshot } from '../../support/snapshots.ts';

const receivedAt = '2026-11-20T15:00:01.234Z';
const digest = 'c0ffee';
let dir: string;
let duckdb: Awaited<ReturnType<DuckDBInstance['connect']>>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'slotwise-parquet-'));
  duckdb = await (await DuckDBInstance.create()).connect();
  await duckdb.run("set timezone = 'UTC'");
});

afterAll(() => {
  duckdb.closeSync();
  rmSync(dir, { recursive: true });
});

describe('the rows of the lake', () => {
  it('read back in DuckDB as they were sent, whatever the schema allows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrarySnapshot, { minLength: 1, maxLength: 50 }), async (snapshots) => {
        const rows = await readDuckDb(encode(snapshots));
        expect(rows).toEqual(snapshots.map(expectedRow));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('read back in hyparquet as they were sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrarySnapshot, { minLength: 1, maxLength: 20 }), async (snapshots) => {
        const rows = await parquetReadObjects({ file: encode(snapshots).buffer as ArrayBuffer });
        expect(rows.map((row) => [row.snapshot_id, row.con_id, row.strategy_ids, row.observed_at])).toEqual(
          snapshots.map(({ id, contract, strategyIds, observedAt }) => [
            id,
            BigInt(contract.conId),
            strategyIds,
            new Date(observedAt),
          ]),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('have the same bytes whenever they are encoded', () => {
    fc.assert(
      fc.property(fc.array(arbitrarySnapshot, { minLength: 1, maxLength: 20 }), (snapshots) => {
        expect(encode(snapshots)).toEqual(encode(structuredClone(snapshots)));
      }),
      { numRuns: 30 },
    );
  });

  it('have types that an engine can calculate with', async () => {
    const [types] = await query(
      encode([snapshot()]),
      `select typeof(strike) as strike, typeof(quantity) as quantity, typeof(average_cost) as cost,
        typeof(last_trade_date) as day, typeof(observed_at) as at, typeof(con_id) as con_id,
        typeof(delta) as delta, typeof(strategy_ids) as strategies`,
    );
    expect(types).toEqual({
      strike: 'DECIMAL(18,8)',
      quantity: 'DECIMAL(18,8)',
      cost: 'DECIMAL(18,8)',
      day: 'DATE',
      at: 'TIMESTAMP WITH TIME ZONE',
      con_id: 'BIGINT',
      delta: 'DOUBLE',
      strategies: 'VARCHAR[]',
    });
  });

  it('are found by a filter on any value that they hold', async () => {
    const bytes = encode([
      snapshot({ seq: 1, mark: { bid: -0, delta: Number.MIN_VALUE } }),
      snapshot({ seq: 2, mark: { bid: 1.25 } }),
    ]);
    expect(await query(bytes, 'select seq', 'where bid = 0')).toEqual([{ seq: '1' }]);
    expect(await query(bytes, 'select seq', 'where bid >= 1.25')).toEqual([{ seq: '2' }]);
    expect(await query(bytes, 'select seq', 'where delta > 0')).toEqual([{ seq: '1' }]);
  });

  it('say of which version they are, in the row and in the file', () => {
    const metadata = parquetMetadata(encode([snapshot()]).buffer as ArrayBuffer);
    expect(metadata.key_value_metadata).toContainEqual({ key: 'schema_version', value: '1' });
    expect(metadata.row_groups).toHaveLength(1);
  });

  it('keep their columns: a rename or a change of order would break every older file', () => {
    expect(COLUMN_NAMES.join(' ')).toBe(
      'snapshot_id schema_version bridge epoch seq sweep_id lane priority reason account con_id symbol sec_type ' +
        'last_trade_date strike right multiplier exchange currency local_symbol trading_class quantity average_cost ' +
        'bid ask last price iv delta gamma vega theta underlying mark_at greeks_at quality strategy_ids ' +
        'registry_version observed_at received_at body_digest model_code',
    );
  });
});

function encode(snapshots: readonly Snapshot[]): Uint8Array {
  return encodeRows(snapshots.map((one) => toRow({ snapshot: one, receivedAt, digest })));
}

function readDuckDb(bytes: Uint8Array): Promise<unknown[]> {
  const exact = `select * replace (strike::varchar as strike, multiplier::varchar as multiplier,
    quantity::varchar as quantity, average_cost::varchar as average_cost, epoch_ms(mark_at) as mark_at,
    epoch_ms(greeks_at) as greeks_at, epoch_ms(observed_at) as observed_at, epoch_ms(received_at) as received_at)`;
  return query(bytes, exact);
}

async function query(bytes: Uint8Array, select: string, where = ''): Promise<unknown[]> {
  const file = join(dir, 'rows.parquet');
  writeFileSync(file, bytes);
  const reader = await duckdb.runAndReadAll(`${select} from '${file}' ${where}`);
  return reader.getRowObjectsJson();
}

function expectedRow({ contract, mark, ...sent }: Snapshot): Record<string, unknown> {
  const time = (at: string | undefined) => (at === undefined ? null : String(Date.parse(at)));
  const float = (value: number | undefined) => (value === undefined ? null : value === 0 ? 0 : value);
  return {
    snapshot_id: sent.id,
    schema_version: 1,
    bridge: sent.bridge,
    epoch: sent.epoch,
    seq: String(sent.seq),
    sweep_id: sent.sweepId ?? null,
    lane: sent.lane,
    priority: sent.priority,
    reason: sent.reason,
    account: sent.account,
    con_id: String(contract.conId),
    symbol: contract.symbol,
    sec_type: contract.secType,
    last_trade_date: contract.lastTradeDate?.replace(/(....)(..)(..)/, '$1-$2-$3') ?? null,
    strike: padded(contract.strike),
    right: contract.right ?? null,
    multiplier: padded(contract.multiplier),
    exchange: contract.exchange ?? null,
    currency: contract.currency,
    local_symbol: contract.localSymbol ?? null,
    trading_class: contract.tradingClass ?? null,
    quantity: padded(sent.quantity),
    average_cost: padded(sent.averageCost),
    bid: float(mark?.bid),
    ask: float(mark?.ask),
    last: float(mark?.last),
    price: float(mark?.price),
    iv: float(mark?.iv),
    delta: float(mark?.delta),
    gamma: float(mark?.gamma),
    vega: float(mark?.vega),
    theta: float(mark?.theta),
    underlying: float(mark?.underlying),
    mark_at: time(mark?.at),
    greeks_at: time(mark?.greeksAt),
    quality: sent.quality,
    strategy_ids: sent.strategyIds,
    registry_version: String(sent.registryVersion),
    observed_at: time(sent.observedAt),
    received_at: time(receivedAt),
    body_digest: digest,
    model_code: sent.modelCode ?? null,
  };
}

/** DuckDB prints DECIMAL(18,8) with all of its digits. */
function padded(text: string | undefined): string | null {
  if (text === undefined) return null;
  const [whole, fraction = ''] = text.split('.');
  return `${whole}.${fraction.padEnd(8, '0')}`;
}
