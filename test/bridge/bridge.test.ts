import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { unrealized } from '../../cli/positions/unrealized.ts';
import { addDays, utcToday } from '../../local/gateway/calendar.ts';
import { optionOf, seriesOf } from '../../local/gateway/chain.ts';
import { type SimulatedGateway, startGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import type { GatewayOptions } from '../../local/gateway/options.ts';
import type { Instrument } from '../../local/gateway/portfolio.ts';
import { ConIds } from '../../local/gateway/universe.ts';
import { strategiesOfCondors } from '../../local/run/seed.ts';
import { bridgeStatusSchema } from '../../shared/status.ts';
import { eventually } from '../support/eventually.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { type Deployment, deploy, run } from './running.ts';

const SEED = 20_261_121;
const ACCOUNT = 'DU1111111';
const portfolio = generatePortfolio({ seed: SEED, positions: 12, condors: 1, accounts: [ACCOUNT] });
const [strategy] = strategiesOfCondors(portfolio.condors);
if (strategy === undefined) throw new Error('a condor is expected');

function instrument(holds: (contract: Instrument['contract']) => boolean): Instrument {
  const found = portfolio.instruments.find(({ contract }) => holds(contract));
  if (found === undefined) throw new Error(`no such instrument at seed ${SEED}`);
  return found;
}

const corn = instrument(({ symbol, secType }) => symbol === 'ZC' && secType === 'FUT');
const spy = instrument(({ symbol, secType }) => symbol === 'SPY' && secType === 'STK').contract.conId;

describe(`the bridge as one (seed ${SEED})`, () => {
  let services: TestServices;
  let deployment: Deployment;

  beforeAll(async () => {
    services = await startServices();
  });
  afterAll(() => services?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await services.reset();
    deployment = await deploy(services);
  });

  const startSimulated = async (options: Partial<GatewayOptions> = {}): Promise<SimulatedGateway> => {
    const gateway = await startGateway({
      portfolio,
      tickPeriodMs: 20,
      snapshotMs: 50,
      messagesPerSecondMax: 1000,
      ...options,
    });
    onTestFinished(() => gateway.stop());
    return gateway;
  };

  const held = (conId: number) => ({ account: ACCOUNT, conId, quantity: '3', averageCost: '600' });

  it('marks a position whose strategy has no room with what the poll says of it', async () => {
    const gateway = await startSimulated();
    gateway.portfolio.open(held(spy));
    await deployment.registry.put({ ...strategy, legs: [...strategy.legs, { conId: spy, quantity: '3' }] });
    const { until } = await run(deployment, gateway, {
      SLOTWISE_LINES_CAP: '4',
      SLOTWISE_LINES_RESERVE: '0',
    });
    await until(
      ({ lines }) => lines.polled.some(({ conId, mark }) => conId === spy && mark !== undefined),
      'SPY was polled',
    );
    const { lines } = await until(
      ({ lines: now }) => now.rows.length > 0 && now.rows.every(({ mark }) => mark !== undefined),
      'every leg without a line shows what its poll says',
    );
    expect(lines.rows.every(({ state, ticks }) => state === 'wanted' && ticks === 0)).toBe(true);
    gateway.portfolio.change({ ...held(spy), quantity: '4' });
    const snapshot = await eventually(async () =>
      (await deployment.snapshots()).find(
        ({ contract, quantity }) => contract.conId === spy && quantity === '4',
      ),
    );
    expect(snapshot).toMatchObject({ lane: 'poll', quality: 'live', mark: { price: expect.any(Number) } });
  });

  it('watches a short option at the money of an inactive strategy, on a line that nobody else needs', async () => {
    const share = instrument(({ conId }) => conId === spy);
    const [series] = seriesOf(share, addDays(utcToday(), 30));
    if (series === undefined) throw new Error('SPY has no options');
    const strike = Math.round((share.price ?? 0) / 5) * 5;
    const put = optionOf(share, { series, strike, right: 'P' }, new ConIds());
    const { conId } = put.contract;
    const gateway = await startSimulated({
      portfolio: { ...portfolio, instruments: [...portfolio.instruments, put] },
    });
    gateway.portfolio.open({ account: ACCOUNT, conId, quantity: '-2', averageCost: '500' });
    const legs = [{ conId, quantity: '-2' }, ...strategy.legs];
    await deployment.registry.put({ ...strategy, status: 'INACTIVE', legs });
    const { until } = await run(deployment, gateway);
    const { lines } = await until(({ lines: { watching } }) => watching === 1, 'the put is watched');
    expect(lines.rows).toMatchObject([
      { conId, watch: true, strategyIds: [strategy.id], state: 'confirmed' },
    ]);
    expect(lines.strategies[0]).toMatchObject({
      state: 'inactive',
      legs: [{ conId, held: '-2' }, {}, {}, {}, {}],
    });
    const reasons = lines.strategies[0]?.legs.flatMap(({ watch = [] }) => watch);
    expect(reasons).toEqual([
      expect.stringMatching(
        /^in the watch class: it trades until .*, its underlying is 0\.\d % from the strike$/,
      ),
      expect.stringMatching(/^not in the watch class: .* its underlying is [34]\.\d % from the strike$/),
      expect.stringMatching(/^not in the watch class: .* its underlying is [34]\.\d % from the strike$/),
    ]);
    expect(gateway.stats().lines).toMatchObject({ peak: 1, refused: 0 });
  });

  it('marks what is quoted in cents in dollars, as its cost is', async () => {
    const { contract, priceMagnifier, price = 0 } = corn;
    expect(priceMagnifier).toBe(100);
    const perContract = (price / 100) * Number(contract.multiplier);
    const gateway = await startSimulated();
    gateway.portfolio.open({ ...held(contract.conId), averageCost: String(perContract) });
    await run(deployment, gateway);
    await deployment.registry.put({ ...strategy, legs: [{ conId: contract.conId, quantity: '3' }] });
    const snapshot = await eventually(async () =>
      (await deployment.snapshots()).find(
        (each) => each.contract.conId === contract.conId && each.lane === 'stream',
      ),
    );
    const { bid = 0, ask = 0, last = 0, price: marked = 0 } = snapshot.mark ?? {};
    for (const value of [bid, ask, last, marked]) expect(value).toBeCloseTo(price / 100, 0);
    // Within a tenth of the cost: the market has moved for a second, not by a factor of a hundred.
    expect(Math.abs(Number(unrealized(snapshot)))).toBeLessThan(0.1 * 3 * perContract);
  });

  it('marks what nobody streams by the account window, read anew before each keyframe, on no line', async () => {
    const { contract, price = 0 } = corn;
    const gateway = await startSimulated();
    gateway.portfolio.open(held(contract.conId));
    const { until } = await run(deployment, gateway, {
      SLOTWISE_KEYFRAME_PERIOD_MS: '1500',
      SLOTWISE_SNAPSHOTS_CONTRACTS: '[]',
    });
    const keyframes = await eventually(
      async () => {
        const found = (await deployment.snapshots()).filter(
          ({ contract: { conId }, reason, mark }) =>
            conId === contract.conId && reason === 'keyframe' && mark !== undefined,
        );
        return new Set(found.map(({ mark }) => mark?.at)).size > 1 ? found : undefined;
      },
      { what: 'two keyframes with marks of their own', deadlineMs: 15_000 },
    );
    for (const { quality, mark } of keyframes) {
      expect(quality).toBe('delayed');
      expect(mark).toEqual({ price: expect.any(Number), at: expect.any(String) });
      expect(mark?.price).toBeCloseTo(price / 100, 0);
    }
    const { lines } = await until(({ lines: now }) => now.lane.at(-1)?.contracts !== 0, 'marks are counted');
    expect(lines.lane.at(-1)).toMatchObject({ class: 'mark', source: 'portfolio', periodMs: 900_000 });
    expect(gateway.stats().lines.peakWithSnapshots).toBe(0);
  });

  it('marks it by snapshot requests where told to, and not at all where told not to', async () => {
    const gateway = await startSimulated();
    gateway.portfolio.open(held(spy));
    const bySnapshot = await run(deployment, gateway, {
      SLOTWISE_SNAPSHOTS_CONTRACTS: '[]',
      SLOTWISE_SNAPSHOTS_MARKS: 'snapshot',
      SLOTWISE_SNAPSHOTS_MARK_PERIOD_MS: '500',
    });
    const { lines } = await bySnapshot.until(({ lines: now }) => {
      const row = now.lane.at(-1);
      return row?.source === 'snapshot' && row.contracts > 0 && row.quoted === row.contracts;
    }, 'every position answered');
    expect(lines.lane.at(-1)?.contracts).toBe(gateway.portfolio.positions.length);
    await bySnapshot.bridge.stop();
    const asked = () => gateway.requests.filter(({ name }) => name === 'reqMktData').length;
    const before = asked();
    const { until } = await run(deployment, gateway, {
      SLOTWISE_SNAPSHOTS_CONTRACTS: '[]',
      SLOTWISE_SNAPSHOTS_MARKS: 'off',
    });
    const off = await until(({ sweeps }) => sweeps.complete > 1, 'it sweeps');
    expect(off.lines.lane.at(-1)).toMatchObject({ source: 'off', contracts: 0 });
    expect(asked()).toBe(before);
    expect(gateway.requests.filter(({ name }) => name === 'reqAccountUpdates')).toEqual([]);
  });

  it('takes delayed data where the account has no subscription, when told to, and says so', async () => {
    const gateway = await startSimulated({ feed: 'delayed' });
    await deployment.registry.put(strategy);
    const { until } = await run(deployment, gateway, { SLOTWISE_MARKET_DATA_TYPE: 'delayed' });
    const areDelayed = (rows: readonly { readonly quality: string }[]) =>
      rows.length > 0 && rows.every(({ quality }) => quality === 'delayed');
    const { lines } = await until(
      ({ lines: now }) => areDelayed(now.rows) && areDelayed(now.polled),
      'delayed data of every leg and of every polled contract',
    );
    expect(lines).toMatchObject({ streaming: strategy.legs.length, refused: 0 });
  });

  it('asks for live data unless told otherwise: without a subscription no line streams', async () => {
    const gateway = await startSimulated({ feed: 'delayed' });
    await deployment.registry.put(strategy);
    const { until } = await run(deployment, gateway);
    const { lines } = await until(
      ({ lines: now }) => now.refused === strategy.legs.length,
      'every leg is refused',
    );
    for (const { quality } of lines.rows) expect(quality).toBe('no-permission');
  });

  it('reads positions account by account when told to, and closes what an account’s own window lacks', async () => {
    const gateway = await startSimulated();
    gateway.portfolio.open({ ...held(spy), modelCode: 'GROWTH' });
    const { until } = await run(deployment, gateway, { SLOTWISE_SWEEP_LISTS: 'each-account' });
    await until(({ sweeps }) => sweeps.positions === gateway.portfolio.positions.length, 'all positions');
    const fault = gateway.inject({ kind: 'account-updates', answer: 'not-ready' });
    gateway.inject({ kind: 'expiry', account: ACCOUNT, modelCode: 'GROWTH', conId: spy });
    const { sweeps } = await until((status) => status.sweeps.doubts.length > 0, 'a doubt');
    expect(sweeps.doubts).toMatchObject([{ account: 'DU***11', positions: 1 }]);
    fault.end();
    await until((status) => status.sweeps.positions === gateway.portfolio.positions.length, 'closed');
    const tombstone = await eventually(async () =>
      (await deployment.snapshots()).find(({ reason }) => reason === 'closed'),
    );
    expect(tombstone).toMatchObject({ modelCode: 'GROWTH', contract: { conId: spy }, quantity: '0' });
    const names = new Set(gateway.requests.map(({ name }) => name));
    expect([names.has('reqPositionsMulti'), names.has('reqPositions')]).toEqual([true, false]);
  });

  it('finds nothing over-assigned that it does not record', async () => {
    const gateway = await startSimulated();
    gateway.portfolio.open(held(spy));
    const [first] = strategy.legs;
    if (first === undefined) throw new Error('legs are expected');
    const tooMany = { ...first, quantity: String(10 * Number(first.quantity)) };
    await deployment.registry.put({ ...strategy, legs: [tooMany, { conId: spy, quantity: '3' }] });
    const { until } = await run(deployment, gateway, { SLOTWISE_SWEEP_SEC_TYPES: 'OPT,FOP' });
    const { assignments } = await until(
      ({ lines, assignments: { overAssigned } }) => lines.streaming === 2 && overAssigned.length > 0,
      'the share is known and the option is over-assigned',
    );
    expect(assignments.overAssigned.map(({ conId }) => conId)).toEqual([first.conId]);
  });

  it('stops in order: every line is cancelled, the outbox is empty, and the status file says so', async () => {
    const gateway = await startSimulated();
    await deployment.registry.put(strategy);
    const { bridge, log, stateDir, until } = await run(deployment, gateway, {
      SLOTWISE_GATEWAY_REQUESTS_PER_SECOND: '12',
      SLOTWISE_SNAPSHOTS_PERIOD_MS: '60000',
      SLOTWISE_SWEEP_PERIOD_MS: '60000',
      SLOTWISE_RECORDER_PERIOD_MS: '3600000',
    });
    await until(({ lines, sweeps }) => lines.streaming === 4 && sweeps.complete > 0, 'lines and positions');
    const { produced } = (await bridge.status()).outbox;
    await bridge.stop();
    const sent = gateway.requests.map(({ name }) => name);
    expect(sent.lastIndexOf('cancelPositions')).toBeGreaterThan(sent.lastIndexOf('reqPositions'));
    const cancels = gateway.requests.filter(({ name }) => name === 'cancelMktData');
    const cancelled = cancels.map(({ conId }) => conId);
    expect(cancelled).toEqual(expect.arrayContaining(strategy.legs.map(({ conId }) => conId)));
    expect(log.entries.filter(({ event }) => event === 'outbox-not-empty')).toEqual([]);
    const status = bridgeStatusSchema.parse(JSON.parse(readFileSync(join(stateDir, 'status.json'), 'utf8')));
    expect(status).toMatchObject({
      gateway: { state: 'stopped', linkUp: false },
      lines: { streaming: 0, snapshotsInFlight: 0 },
      outbox: { depth: 0 },
    });
    expect(status.outbox.sent).toBeGreaterThanOrEqual(status.outbox.produced);
    // What the streams brought since the recorder's last period.
    expect(status.outbox.produced).toBe(produced + 4);
  });
});
