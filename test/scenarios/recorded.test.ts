import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startGateway } from '../../local/gateway/gateway.ts';
import { portfolioSchema } from '../../local/gateway/portfolio.ts';
import { Disguise } from '../../local/gateway/record/disguise.ts';
import { OBSERVER_DEFAULTS, Observer } from '../../local/gateway/record/observer.ts';
import { portfolioOf } from '../../local/gateway/record/portfolio.ts';
import { scenarioOf } from '../../local/gateway/record/scenario.ts';
import { scenarioSchema } from '../../local/gateway/scenario.ts';
import { slotwise } from '../cli/run-slotwise.ts';
import { testDirectory } from '../support/directory.ts';
import { eventually } from '../support/eventually.ts';
import { Edge, LEGS, portfolio, SEED } from './support/edge.ts';

/** What the bridge may send; test/bridge/gateway/requests.test.ts says why each of them is harmless. */
const READ_ONLY = [
  'startApi',
  'reqPositions',
  'cancelPositions',
  'reqContractDetails',
  'reqMktData',
  'cancelMktData',
];

/** The legs of the three condors, so that no test waits for the details of everything else. */
const legs = new Set(portfolio.condors.flatMap((condor) => condor.legs.map(({ conId }) => conId)));
const held = { ...portfolio, positions: portfolio.positions.filter(({ conId }) => legs.has(conId)) };

const GREETING = [
  { code: 2104, text: 'Market data farm connection is OK:eufarm' },
  { code: 2158, text: 'Sec-def data farm connection is OK:secdefeu' },
];

describe(`a gateway that was recorded (seed ${SEED})`, () => {
  it('says the same again: greeting, unknown codes, a lost link, a broken farm, remarks, a restart', async () => {
    await using gateway = await startGateway({
      portfolio: held,
      tickPeriodMs: 20,
      messagesPerSecondMax: 1000,
    });
    gateway.inject({ kind: 'greeting', notices: GREETING });
    const [remarked = 0] = legs;
    gateway.inject({ kind: 'request-errors', code: 10_090, conIds: [remarked] });
    const observer = new Observer({
      ...OBSERVER_DEFAULTS,
      host: '127.0.0.1',
      port: gateway.port,
      sweepMs: 300,
      retryMs: 30,
      glanceMs: 400,
    });
    using stopping = new DisposableStack();
    const controller = stopping.adopt(new AbortController(), (it) => it.abort());
    const running = observer.run(controller.signal);
    const { observed } = observer;
    await eventually(() => [...observed.lines.values()].filter((line) => line.greeks).length >= 4, {
      what: 'lines that are kept',
    });
    const secret = portfolio.accounts[0] ?? '';
    gateway.inject({ kind: 'notice', code: 2999, text: `Something new about ${secret}` });
    gateway.inject({ kind: 'corrupt', form: 'unknown-message' });
    gateway.inject({ kind: 'link-lost', restore: 1102, restoreText: 'It is back.' }, 100);
    await eventually(() => heard(observer).includes(1102), { what: '1102' });
    gateway.inject({ kind: 'farm-broken', farm: 'usopt' }, 100);
    await eventually(() => heard(observer).filter((code) => code === 2104).length >= 2, { what: '2104' });
    // What is apart in the recording stays apart in its replay, however busy the machine is.
    const swept = sweepsOf(observer);
    await eventually(() => sweepsOf(observer) >= swept + 3, { what: 'more sweeps' });
    gateway.inject({ kind: 'restart', downMs: 50, lingerMs: 100 });
    await eventually(() => observer.sessions === 2, { what: 'a second session' });
    await eventually(() => observer.observed.happenings.at(-1)?.type === 'sweep', {
      what: 'a sweep after it',
    });
    controller.abort();
    await running;
    expect([...new Set(gateway.requests.map(({ name }) => name))].sort()).toEqual([...READ_ONLY].sort());
    expect(gateway.stats().lines.peak).toBeLessThanOrEqual(OBSERVER_DEFAULTS.lines);

    const disguise = new Disguise(observer.observed.accounts);
    const recorded = portfolioOf(observer.observed, { disguise, exact: false, seed: 1 });
    expect(recorded.leftOut).toEqual([]);
    const scenario = scenarioOf(observer.observed, { disguise, name: 'last night' });
    const written = JSON.stringify([recorded.portfolio, scenario]);
    for (const account of portfolio.accounts) expect(written).not.toContain(account);
    // A busy machine may ask for a contract while the link is lost, which is one more error on a request.
    expect([...new Set(scenario.steps.map(({ fault }) => fault.kind))]).toEqual([
      'greeting',
      'request-errors',
      'notice',
      'link-lost',
      'farm-broken',
      'corrupt',
      'restart',
    ]);

    await using edge = await Edge.start({ gateway: { portfolio: recorded.portfolio }, scenario });
    const { run } = edge;
    await eventually(() => run?.report().every(({ isExercised }) => isExercised), {
      what: 'every step of the recording exercised',
    });
    await edge.bridge.nth('ready', 2);
    await edge.streaming();
    const notices = edge.bridge.log.entries
      .filter(({ event }) => event === 'gateway-notice')
      .map(({ fields }) => `${fields.code} ${fields.message}`);
    expect(notices).toEqual(
      expect.arrayContaining([
        ...GREETING.map(({ code, text }) => `${code} ${text}`),
        '2999 Something new about DU***01',
        '1102 It is back.',
        '2103 Market data farm connection is broken:usopt',
        '2104 Market data farm connection is OK:usopt',
      ]),
    );
    expect(notices.filter((notice) => notice.startsWith('2104')).length).toBe(3);
    expect(edge.bridge.of('linkDown').map(({ code }) => code)).toEqual([1100]);
    expect(edge.bridge.of('linkUp')).toMatchObject([{ linesKept: true }]);
    expect(edge.bridge.of('requestNotice').map(({ code }) => code)).toContain(10_090);
    expect(edge.gateway.stats().positions).toBe(LEGS);
  });

  it('is written by slotwise record into two files that only their owner reads, without an account number', async () => {
    await using gateway = await startGateway({
      portfolio: held,
      tickPeriodMs: 20,
      messagesPerSecondMax: 1000,
    });
    const cwd = testDirectory();
    const args = ['--gateway', `127.0.0.1:${gateway.port}`, '--for', '1500ms', '--out', 'mine'];
    const { code, stdout, stderr } = await slotwise(['record', ...args], { cwd });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const files = ['mine.portfolio.json', 'mine.scenario.json'].map((name) => join(cwd, name));
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const account of portfolio.accounts) {
      for (const text of [...texts, stdout]) expect(text).not.toContain(account);
    }
    const written = portfolioSchema.parse(JSON.parse(texts[0] ?? ''));
    expect(written.positions).toHaveLength(LEGS);
    expect(scenarioSchema.parse(JSON.parse(texts[1] ?? '')).steps[0]?.fault.kind).toBe('greeting');
    const quantities = new Map(held.positions.map((row) => [row.conId, row.quantity]));
    expect(
      written.positions.filter((row) => row.quantity !== quantities.get(row.conId)).length,
    ).toBeGreaterThan(LEGS / 2);
  });

  it('that never let it in is said with what to check, and nothing is written', async () => {
    await using gateway = await startGateway({ portfolio });
    gateway.inject({ kind: 'mute-handshake' });
    const args = ['record', '--gateway', `127.0.0.1:${gateway.port}`, '--for', '300ms'];
    const { code, stderr } = await slotwise(args, { cwd: testDirectory() });
    expect(code).toBe(1);
    expect(stderr).toContain('is it logged in');
  });
});

function heard({ observed }: Observer): number[] {
  return observed.happenings.flatMap((each) => (each.type === 'message' ? each.code : []));
}

function sweepsOf({ observed }: Observer): number {
  return observed.happenings.filter(({ type }) => type === 'sweep').length;
}
