import { describe, expect, it } from 'vitest';
import { Dispatcher } from '../../bridge/handlers/dispatcher.ts';
import type { HandlerFactory, PositionUpdate } from '../../bridge/handlers/handler.ts';
import { loadHandlers } from '../../bridge/handlers/load.ts';
import { eventually } from '../support/eventually.ts';
import { recordingLog } from '../support/log.ts';
import { fencedBlocks, PROJECT, readPage } from './page.ts';

const EXAMPLE = 'docs/examples/short-delta.ts';

function update(conId: number, delta: number, overrides: Partial<PositionUpdate> = {}): PositionUpdate {
  return {
    lane: 'stream',
    contract: { conId, symbol: 'SPY', secType: 'OPT', localSymbol: 'SPY   261204P00635000', currency: 'USD' },
    positions: [{ account: 'DU9000001', quantity: '-1', averageCost: '210.5' }],
    quantity: '-1',
    quote: { quality: 'live', mark: { delta } },
    strategyIds: ['spy-condor'],
    at: '2026-11-20T15:00:00.000Z',
    ...overrides,
  };
}

describe('docs/handlers.md', () => {
  it('shows the example as it is', () => {
    expect(fencedBlocks(readPage('docs/handlers.md'), 'ts')).toEqual([readPage(EXAMPLE)]);
  });

  it('has an example that the compiler accepts as a handler', async () => {
    const example: { readonly default: HandlerFactory } = await import('../../docs/examples/short-delta.ts');
    expect(example.default).toBeTypeOf('function');
  });

  it('has an example that the bridge loads, and that warns once until the leg is calm again', async () => {
    const log = recordingLog();
    const handlers = await loadHandlers([EXAMPLE], { directory: PROJECT, log, reserved: ['recorder'] });
    const updates = new Map<number, PositionUpdate>();
    const dispatcher = new Dispatcher({ handlers, log, describe: (conId) => updates.get(conId) });
    await dispatcher.start();
    let told = 0;
    const tell = async (next: PositionUpdate) => {
      updates.set(next.contract.conId, next);
      dispatcher.offer(next.contract.conId, next.lane);
      told += 1;
      await eventually(() => dispatcher.status()[0]?.handled === told, { deadlineMs: 5000 });
    };

    for (const delta of [-0.2, -0.31, -0.35, -0.24, -0.32]) await tell(update(1, delta));
    await tell(update(2, 0.5, { quantity: '1' }));
    await tell(update(3, 0.5, { quote: { quality: 'stale', mark: { delta: 0.5 } } }));
    await tell(update(4, 0.5, { quote: { quality: 'live' } }));
    await dispatcher.stop();

    expect(handlers[0]).toMatchObject({ name: 'short-delta', secTypes: ['OPT', 'FOP'] });
    expect(log.entries.map(({ event, fields }) => [event, fields.conId, fields.delta])).toEqual([
      ['short-delta', 1, 0.31],
      ['short-delta', 1, 0.32],
    ]);
  });
});
