import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { linesView } from '../../cli/lines/view.ts';
import { startGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { strategiesOfCondors } from '../../local/run/seed.ts';
import { eventually } from '../support/eventually.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { type Deployment, deploy, run } from './running.ts';

const ACCOUNT = 'DU1111111';
const portfolio = generatePortfolio({ seed: 7, positions: 12, condors: 2, accounts: [ACCOUNT] });
const [strategy, other] = strategiesOfCondors(portfolio.condors);
if (strategy === undefined || other === undefined) throw new Error('two condors are expected');

describe('a bridge that starts while the registry cannot be reached', () => {
  let services: TestServices;
  let deployment: Deployment;

  beforeAll(async () => {
    services = await startServices();
  });
  afterAll(() => services?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await services.reset();
    deployment = await deploy(services);
    await deployment.registry.put(strategy);
  });

  const start = async () => {
    const gateway = await startGateway({ portfolio, tickPeriodMs: 20, snapshotMs: 50 });
    onTestFinished(() => gateway.stop());
    return { gateway, ...(await run(deployment, gateway)) };
  };

  const cutOff = (isOff: boolean) => {
    for (const service of ['dynamodb', 'sqs'] as const) {
      services.refuse(service, isOff ? () => true : undefined);
    }
  };

  it('and has never read it streams nothing, records its positions, says so, and streams once it is read', async () => {
    cutOff(true);
    const { gateway, until, bridge, log } = await start();
    const status = await until(
      ({ registry, sweeps, lines }) =>
        registry.lastFault !== undefined &&
        sweeps.complete > 2 &&
        lines.polled.some(({ mark }) => mark !== undefined),
      'positions without a registry',
    );
    expect(status.registry).toMatchObject({ state: 'none', version: 0, strategies: 0 });
    expect(status.lines).toMatchObject({ streaming: 0, rows: [], strategies: [] });
    const standing = gateway.requests.filter(
      ({ name, snapshot }) => name === 'reqMktData' && snapshot !== true,
    );
    expect(standing).toEqual([]);
    expect(linesView({ type: 'live', status })).toContain('no registry has ever been read: nothing streams');
    expect(log.entries.map(({ event }) => event)).toContain('registry-unknown');
    expect(status.outbox.depth).toBeGreaterThanOrEqual(portfolio.positions.length);

    cutOff(false);
    await until(({ lines }) => lines.streaming === strategy.legs.length, 'lines, once it can be read');
    await eventually(async () => (await bridge.status()).outbox.lastFault === undefined);
  });

  it('acts on the last one known, says of when it is, and finds what has changed once it can be read', async () => {
    const first = await start();
    await first.until(
      ({ lines, registry }) => lines.streaming === strategy.legs.length && registry.state === 'current',
      'lines',
    );
    await first.bridge.stop();
    await first.gateway.stop();
    await deployment.registry.put(other);
    cutOff(true);

    const { until } = await start();
    const status = await until(
      ({ lines, registry }) => lines.streaming === strategy.legs.length && registry.lastFault !== undefined,
      'lines from what was known',
    );
    expect(status.registry).toMatchObject({ state: 'stale', version: 1, strategies: 1 });
    const { confirmedAt = 'unknown' } = status.registry;
    expect(Date.parse(confirmedAt)).toBeLessThan(Date.parse(status.startedAt));
    expect(linesView({ type: 'live', status })).toContain(
      `the registry is the last one known, as of ${confirmedAt}`,
    );

    cutOff(false);
    const known = await until(({ registry }) => registry.state === 'current', 'the registry');
    expect(known.registry).toMatchObject({ version: 2, strategies: 2 });
    const legs = new Set([...strategy.legs, ...other.legs].map(({ conId }) => conId));
    await until(({ lines }) => lines.streaming === legs.size, 'the lines of both');
  });
});
