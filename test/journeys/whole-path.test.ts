import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningBridge, System } from './system.ts';

const ACCOUNT = 'DU1111111';
const portfolio = generatePortfolio({ seed: 7, positions: 40, condors: 2, accounts: [ACCOUNT] });
const [first, second] = portfolio.condors;
const legs = portfolio.condors.flatMap((condor) => condor.legs.map((leg) => leg.conId));

describe('the whole path on one machine', () => {
  let system: System;
  let gateway: SimulatedGateway;
  let bridge: RunningBridge;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home'] });
    gateway = await system.gateway({ portfolio });
    await system.register(portfolio.condors);
    bridge = await system.bridge('home', gateway);
  }, 60_000);
  afterAll(() => system?.[Symbol.asyncDispose]());

  const streamed = () => gateway.stats().lines.byConId;
  const inTable = (conId: number, check: (item: Record<string, unknown>) => boolean, what: string) =>
    eventually(
      async () => {
        const item = (await system.positions(ACCOUNT)).find((found) => found.conId === conId);
        return item !== undefined && check(item) ? item : undefined;
      },
      { what, deadlineMs: 20_000 },
    );

  it('streams the legs of active strategies, each on one line, and nothing else', async () => {
    await bridge.until(({ lines }) => lines.streaming === legs.length, 'all legs confirmed');
    expect(gateway.stats().lines.streaming).toBe(legs.length);
    for (const conId of legs) expect(streamed().get(conId)).toBe(1);
  });

  it('brings every position into table and lake, streamed or not', async () => {
    const items = await eventually(
      async () => {
        const found = await system.positions(ACCOUNT);
        return found.length === portfolio.positions.length ? found : undefined;
      },
      { what: 'every position in the table', deadlineMs: 20_000 },
    );
    const held = new Map(portfolio.positions.map((position) => [position.conId, position.quantity]));
    for (const { conId, quantity } of items) expect(quantity).toBe(held.get(conId as number));
    await eventually(
      async () => {
        const [row] = await system.ask('select count(distinct con_id)::integer as contracts from snapshots');
        return row?.contracts === portfolio.positions.length;
      },
      { what: 'every position in the lake', deadlineMs: 20_000 },
    );
  });

  it('records a tick of a leg with its mark, strategy and registry version', async () => {
    const conId = legs[0] ?? 0;
    const item = await inTable(conId, (found) => found.lane === 'stream', 'a recorded tick');
    expect(item).toMatchObject({ priority: 1, strategyIds: [first?.name], registryVersion: 2 });
    expect(item.mark).toMatchObject({ price: expect.any(Number), delta: expect.any(Number) });
    expect(item.quality).toMatch(/^(live|no-bid)$/);
  });

  it('polls the configured instruments by snapshot and never by a standing line', async () => {
    const { lines } = await bridge.until(
      ({ lines: now }) =>
        now.polled.every((polled) => polled.source === 'snapshot' && polled.mark !== undefined),
      'every polled instrument answered',
    );
    expect(lines.polled.map(({ name }) => name)).toEqual(
      expect.arrayContaining([expect.stringContaining('VIX')]),
    );
    for (const { conId = 0 } of lines.polled)
      expect(lines.rows.some((row) => row.conId === conId)).toBe(false);
  });

  it('sees a position open, change and close, and says which of it happened', async () => {
    const free = portfolio.positions.find(({ conId }) => !legs.includes(conId));
    if (free === undefined) throw new Error('the portfolio has nothing but legs');
    const { conId } = free;
    gateway.portfolio.change({ ...free, quantity: '42' });
    await inTable(conId, ({ quantity }) => quantity === '42', 'the changed quantity');
    gateway.portfolio.close({ account: ACCOUNT, conId });
    await inTable(conId, ({ quantity }) => quantity === '0', 'the tombstone');
    gateway.portfolio.open({ ...free, quantity: '-1.5' });
    await inTable(conId, ({ quantity }) => quantity === '-1.5', 'the position, open again');
    const rows = await system.ask(`select reason from snapshots where con_id = ${conId} order by seq`);
    expect(rows.map(({ reason }) => reason)).toEqual(['opened', 'changed', 'closed', 'opened']);
  });

  it('frees the lines of a strategy that is switched off and takes them again when it is on', async () => {
    if (second === undefined) throw new Error('two condors are expected');
    const conIds = second.legs.map((leg) => leg.conId);
    await system.registry.setStatus(second.name, 'INACTIVE');
    await eventually(() => conIds.every((conId) => !streamed().has(conId)), { what: 'its lines freed' });
    expect(gateway.stats().lines.streaming).toBe(legs.length - conIds.length);
    await system.registry.setStatus(second.name, 'ACTIVE');
    await eventually(() => conIds.every((conId) => streamed().get(conId) === 1), { what: 'its lines back' });
    const { registry } = await bridge.until(({ registry: now }) => now.version === 4, 'registry version 4');
    expect(registry.state).toBe('current');
  });

  it('goes on after kill -9 with a new epoch: nothing lost, nothing twice for a reader', async () => {
    const { outbox: before } = await bridge.status();
    await bridge.kill();
    await eventually(() => gateway.stats().lines.streaming === 0, { what: 'the gateway noticed' });
    bridge = await system.bridge('home', gateway);
    const { outbox: after } = await bridge.until(
      ({ lines, sweeps }) => lines.streaming === legs.length && sweeps.complete > 0,
      'streaming and sweeping again',
    );
    expect(after.epoch > before.epoch).toBe(true);
    await bridge.stop();
    await system.cloud.idle(AbortSignal.timeout(20_000));
    const [gaps] = await system.ask(`
      select count(*)::integer as epochs, sum(highest - lowest + 1 - ids)::integer as missing, min(lowest)::integer as lowest
      from (select epoch, min(seq) as lowest, max(seq) as highest, count(*) as ids from snapshots group by epoch)`);
    expect(gaps).toMatchObject({ missing: 0, lowest: 1 });
    const [twice] = await system.ask('select count(*) - count(distinct snapshot_id) as twice from snapshots');
    expect(Number(twice?.twice)).toBe(0);
  });

  it('never sent a request that could touch an order', () => {
    expect(gateway.stats().orders).toBe(0);
    expect(gateway.stats().lines.refused).toBe(0);
  });
});
