import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContractBook } from '../../bridge/gateway/contracts.ts';
import { Portfolios } from '../../bridge/positions/portfolio.ts';
import { SILENT } from '../bridge/scripted-gateway.ts';
import { testDirectory } from '../support/directory.ts';
import { eventually } from '../support/eventually.ts';
import { Edge, portfolio, SEED } from './support/edge.ts';

/**
 * Each request that has an end, at a gateway that answers none while its socket stays open. That the heartbeat would
 * notice is switched off here; handshake and heartbeat have their deadlines in silence.test.ts, snapshots in
 * test/bridge/lines/snapshots.test.ts.
 */
describe(`every request that has an end has a deadline (seed ${SEED})`, () => {
  // Waits between attempts double: on a busy machine the last one may be longer than the test has.
  it('contract details, positions, account updates and lines give up, say so, and come back', {
    retry: 2,
  }, async () => {
    await using edge = await Edge.settled({
      connection: { heartbeatPeriodMs: 60_000 },
      sweepDeadlineMs: 200,
      watchdog: { answerDeadlineMs: 200 },
    });
    const { connection } = edge.bridge;
    await using contracts = new ContractBook({
      gateway: connection,
      log: SILENT,
      path: join(testDirectory(), 'contracts.json'),
      limits: { deadlineMs: 100, attemptsMax: 2 },
    });
    await contracts.start();
    const portfolios = new Portfolios({ gateway: connection, log: SILENT, deadlineMs: 200, settleMs: 20 });
    portfolios.start();
    const [{ conId = 0 } = {}] = edge.rows();
    const [account = ''] = portfolio.accounts;
    const never = new AbortController().signal;

    const fault = edge.gateway.inject({ kind: 'silence', what: 'answers' });
    edge.gateway.inject({ kind: 'link-lost', restore: 1101 }).end();
    const { failed } = edge.sweeper.counts();
    await edge.bridge.nth('linkUp');
    await expect(contracts.resolve(conId, never)).rejects.toThrow('no answer within 100 ms');
    await expect(portfolios.readPortfolio(account, never)).rejects.toThrow(
      /no end of the list within 200 ms/,
    );
    await eventually(() => edge.sweeper.counts().lastFault === 'no positionEnd within 200 ms');
    await eventually(() => edge.rows().some(({ reason }) => reason.includes('no answer within 200 ms')));
    expect(edge.sweeper.counts().failed).toBeGreaterThan(failed);
    await edge.exercised('silence');
    expect(edge.bridge.of('lost')).toEqual([]);

    fault.end();
    expect(await contracts.resolve(conId, never)).toMatchObject({ contract: { conId } });
    expect((await portfolios.readPortfolio(account, never)).length).toBeGreaterThan(0);
    await edge.streaming();
    await edge.swept();
    portfolios.stop();
    expect(await edge.closed()).toEqual([]);
  });
});
