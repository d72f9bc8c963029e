import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { POSITIONS } from '../../shared/names.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningBridge, System } from './system.ts';

/** Two gateways, each with an account of its own; strategies of both are in the one registry. */
const accounts = { home: 'DU1111111', away: 'DU2222222' };
const portfolios = {
  home: generatePortfolio({ seed: 1, positions: 12, condors: 1, accounts: [accounts.home] }),
  away: generatePortfolio({ seed: 2, positions: 12, condors: 1, accounts: [accounts.away] }),
};
/** Their names and contracts would be the same: each seed counts from one. */
const condorsOf = (bridge: 'home' | 'away') =>
  portfolios[bridge].condors.map((condor) => ({ ...condor, name: `${bridge}-${condor.name}` }));

describe('two bridges', () => {
  let system: System;
  let gateways: Record<'home' | 'away', SimulatedGateway>;
  let bridges: Record<'home' | 'away', RunningBridge>;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home', 'away'] });
    gateways = {
      home: await system.gateway({ portfolio: portfolios.home }),
      away: await system.gateway({ portfolio: portfolios.away }),
    };
    await system.register([...condorsOf('home'), ...condorsOf('away')]);
    bridges = {
      home: await system.service('home', gateways.home),
      away: await system.bridge('away', gateways.away),
    };
  }, 60_000);
  afterAll(() => system?.[Symbol.asyncDispose]());

  it('need no other configuration than the outputs of the deployment', async () => {
    const { lines } = await bridges.home.until(({ sweeps }) => sweeps.complete > 0, 'a sweep');
    expect(lines.setting).toBe(100);
    expect(bridges.home.stateDir).toBe(join(system.directory, 'slotwise-home'));
  });

  it('each stream and record the accounts of their own gateway, and no line crosses', async () => {
    for (const id of ['home', 'away'] as const) {
      const status = await bridges[id].until(
        ({ lines }) => lines.streaming === 4,
        `${id} streams its condor`,
      );
      const states = new Map(status.lines.strategies.map((strategy) => [strategy.id, strategy.state]));
      const other = id === 'home' ? 'away' : 'home';
      for (const { name } of condorsOf(id)) expect(states.get(name)).toBe('streaming');
      for (const { name } of condorsOf(other)) expect(states.get(name)).toBe('not-ours');
      expect(gateways[id].stats().lines.streaming).toBe(4);
    }
    for (const id of ['home', 'away'] as const) {
      await eventually(async () => (await system.positions(accounts[id])).length === 12, {
        what: `${id}'s positions in the table`,
        deadlineMs: 20_000,
      });
    }
    const rows = await system.ask('select distinct bridge, account from snapshots order by bridge');
    expect(rows).toEqual([
      { bridge: 'away', account: accounts.away },
      { bridge: 'home', account: accounts.home },
    ]);
  });

  it('both learn of every change of the registry, whoever it concerns', async () => {
    const [condor] = condorsOf('away');
    if (condor === undefined) throw new Error('a condor is expected');
    await system.registry.setStatus(condor.name, 'INACTIVE');
    await eventually(() => gateways.away.stats().lines.streaming === 0, { what: 'its lines freed' });
    await bridges.home.until(({ registry }) => registry.version === 3, 'version 3 at the other bridge');
    expect(gateways.home.stats().lines.streaming).toBe(4);
  });

  it('keep off an account that the other one holds, and say who holds it', async () => {
    await eventually(
      async () => {
        const key = { account: accounts.home, conId: POSITIONS.leaseConId };
        return (await system.item(system.cloud.outputs.positionsTable, key))?.bridge === 'home';
      },
      { what: 'the lease of home in the table', deadlineMs: 20_000 },
    );
    await bridges.away.stop();
    const second = await system.bridge('away', gateways.home, {
      SLOTWISE_STATE_DIR: 'away-at-home',
      SLOTWISE_GATEWAY_CLIENT_ID: '44',
      SLOTWISE_SNAPSHOTS_CONTRACTS: '[]',
    });
    const status = await second.until(
      ({ gateway, registry }) => gateway.accountsElsewhere.length === 1 && registry.state === 'current',
      'the account held elsewhere, and the registry read',
    );
    expect(status.gateway.accountsElsewhere).toEqual([{ account: 'DU***11', bridge: 'home' }]);
    expect(status.lines.rows).toEqual([]);
    expect(status.outbox.produced).toBe(0);
    expect(gateways.home.stats().lines.byClient.get(44) ?? 0).toBe(0);
    const [own] = status.lines.strategies.filter(({ id }) => id.startsWith('home'));
    expect(own).toMatchObject({ state: 'not-ours', reason: 'DU***11 is held by another bridge: home' });
  });
});
