import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { positionItem } from '../../functions/drain/positions.ts';
import { POSITIONS } from '../../shared/names.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { type Strategy, strategyInputSchema } from '../../shared/strategy.ts';
import { TABLES } from '../support/dynamodb.ts';
import { snapshot } from '../support/snapshots.ts';
import { bridgeStatus } from '../support/status.ts';
import { putRawObject } from './lake/rows.ts';
import { startTestRun, type TestRun } from './local-run.ts';
import { type Finished, slotwise } from './run-slotwise.ts';

let run: TestRun;

beforeAll(async () => {
  run = await startTestRun();
});

afterAll(async () => {
  await run[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const strategy of await run.store.list()) await run.store.remove(strategy.id);
  run.s3.empty();
  await run.record({});
});

function command(...args: string[]): Promise<Finished> {
  return slotwise(args, { cwd: run.cwd });
}

const condor = {
  id: 'spy-condor',
  account: 'DU9000001',
  status: 'ACTIVE',
  priority: 5,
  legs: [
    { conId: 728937835, quantity: '-3', openPrice: '1.25' },
    { conId: 728937836, quantity: '0' },
  ],
};

async function putPosition(overrides: Partial<Snapshot>): Promise<void> {
  const Item = positionItem(snapshot(overrides), '2026-11-20T15:00:01.000Z');
  await run.dynamodb.documents.send(new PutCommand({ TableName: TABLES.positions, Item }));
}

describe('slotwise', () => {
  it('explains itself, and refuses a wrong command line in one line', async () => {
    expect(await command('help', 'query')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('conflicts'),
    });
    expect(await command()).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: slotwise') });
    expect(await command('registry', 'lst')).toEqual({
      code: 2,
      stdout: '',
      stderr: "slotwise: unknown command 'lst' (Did you mean list?): see slotwise registry --help\n",
    });
  });

  it('says what to do where there is nothing to work on', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'slotwise-nowhere-'));
    const finished = await slotwise(['registry', 'list'], { cwd: elsewhere });
    await rm(elsewhere, { recursive: true });
    expect(finished).toMatchObject({ code: 3, stdout: '' });
    expect(finished.stderr).toMatch(
      /^slotwise: neither a local run .* start a local run with `slotwise local`.*\n$/,
    );
  });

  it('says that a run is still starting when it does not listen yet', async () => {
    await run.record({ endpoints: undefined });
    expect(await command('registry', 'list')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('still starting'),
    });
  });

  it('shows the stack of an error only when asked to', async () => {
    await run.record({
      endpoints: { sqs: 'http://127.0.0.1:1', s3: 'http://127.0.0.1:1', dynamodb: 'http://127.0.0.1:1' },
    });
    const env = { AWS_MAX_ATTEMPTS: '1' };
    const plain = await slotwise(['registry', 'list'], { cwd: run.cwd, env });
    expect(plain).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^slotwise: cannot reach AWS \(ECONNREFUSED\): [^\n]*\n$/),
    });
    const debug = await slotwise(['registry', 'list'], {
      cwd: run.cwd,
      env: { ...env, SLOTWISE_DEBUG: '1' },
    });
    expect(debug.stderr).toContain('    at ');
  });

  it('colours nothing without a terminal, and everything that it is made to', async () => {
    await run.store.put(condor);
    const colour = '\u001b[';
    const list = (env: Record<string, string>) => slotwise(['registry', 'list'], { cwd: run.cwd, env });
    expect((await list({ FORCE_COLOR: '1' })).stdout).toContain(colour);
    expect((await list({ NO_COLOR: '1' })).stdout).not.toContain(colour);
  });
});

describe('slotwise registry', () => {
  it('puts, lists, shows and switches strategies', async () => {
    await writeFile(join(run.cwd, 'condor.json'), JSON.stringify(condor));
    const put = await command('registry', 'put', 'condor.json');
    expect(put).toMatchObject({ code: 0, stderr: '' });
    expect(put.stdout).toMatch(
      /^spy-condor is ACTIVE: version \d+, registry \d+ \(local run in .*\.slotwise\)\n$/,
    );

    const list = await command('registry', 'list');
    expect(list.stdout).toMatch(/STRATEGY +ACCOUNT +STATUS/);
    expect(list.stdout).toMatch(/spy-condor +DU\*\*\*01 +ACTIVE +5 +2/);

    expect((await command('registry', 'deactivate', 'spy-condor')).stdout).toContain(
      'spy-condor is INACTIVE',
    );
    expect((await command('registry', 'activate', 'spy-condor')).stdout).toContain('spy-condor is ACTIVE');
    const shown = await command('registry', 'show', 'spy-condor');
    expect(shown.stdout).toMatch(/status +ACTIVE/);
    expect(shown.stdout).toMatch(/728937835 +-3 +1\.25/);
    expect(shown.stdout).toMatch(/728937836 +watched/);
  });

  it('ends strategies, hides them, and keeps what became of them', async () => {
    await run.store.put(condor);
    expect((await command('registry', 'close', 'spy-condor')).stdout).toContain('spy-condor is closed');
    const after = await command('registry', 'list');
    expect(after).toMatchObject({ stdout: 'no strategies\n', stderr: '1 closed, not shown: --all\n' });
    const history = (await command('registry', 'show', 'spy-condor', '--history')).stdout;
    expect(history).toMatch(/new, 2 legs\n.*closed/);
    expect((await command('registry', 'remove', 'spy-condor')).stdout).toContain('spy-condor is removed');
  });

  it('refuses a stale version and shows the current one', async () => {
    await run.store.put(condor);
    const current = await run.store.setStatus('spy-condor', 'INACTIVE');
    const stale = String(current.version - 1);
    const refused = await command('registry', 'activate', 'spy-condor', '--expect-version', stale);
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(refused.stderr).toMatch(
      new RegExp(`status +INACTIVE\\n[^]*version +${current.version} \\(registry`),
    );
    expect(refused.stderr).toContain(
      `slotwise: spy-condor: expected version ${stale}, but it is at ${current.version}`,
    );
    expect(await run.store.get('spy-condor')).toEqual(current);
  });

  it('takes back what it printed, once: the version in the file is the one expected', async () => {
    await run.store.put(condor);
    const printed = await command('registry', 'show', 'spy-condor', '--json');
    const strategy = JSON.parse(printed.stdout) as Strategy;
    const input = JSON.stringify({ ...strategy, priority: 1 });
    const args = ['registry', 'put', '-', '--json'];
    const put = await slotwise(args, { cwd: run.cwd, input });
    expect(JSON.parse(put.stdout)).toMatchObject([
      { id: 'spy-condor', priority: 1, version: strategy.version + 1 },
    ]);
    expect(await slotwise(args, { cwd: run.cwd, input })).toMatchObject({ code: 4 });
  });

  it('makes a backup so again with --restore, whatever became of its strategies since', async () => {
    await run.store.put(condor);
    const backup = (await command('registry', 'list', '--json')).stdout;
    await run.store.close('spy-condor');
    const put = (...more: readonly string[]) =>
      slotwise(['registry', 'put', '-', ...more], { cwd: run.cwd, input: backup });
    expect(await put()).toMatchObject({ code: 4 });
    expect(await put('--restore', '--expect-version', '3')).toMatchObject({ code: 2 });
    expect(await put('--restore')).toMatchObject({ code: 0 });
    const [restored] = JSON.parse((await command('registry', 'list', '--json')).stdout) as Strategy[];
    expect(restored).toMatchObject(condor);
    expect(restored?.closedAt).toBeUndefined();
  });

  it('writes nothing of a file in which anything is wrong', async () => {
    const before = await run.store.head();
    const input = JSON.stringify([
      condor,
      { ...condor, id: 'b', priority: 0 },
      { ...condor, id: 'c', legs: [] },
    ]);
    const refused = await slotwise(['registry', 'put', '-'], { cwd: run.cwd, input });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/strategy 2 \(b\): priority.*strategy 3 \(c\): legs/);
    expect(await run.store.head()).toBe(before);
  });

  it('lists strategies for programs as the registry takes them', async () => {
    await run.store.put(condor);
    const { stdout } = await command('registry', 'list', '--json', '--account', 'DU***01');
    const [listed] = JSON.parse(stdout) as unknown[];
    expect(strategyInputSchema.parse(listed)).toMatchObject(condor);
  });
});

describe('slotwise positions', () => {
  it('shows what is held, for whom, and what of it nobody claims', async () => {
    await run.store.put({ ...condor, legs: [{ conId: 728937835, quantity: '-2' }] });
    await putPosition({ quality: 'live', mark: { price: 20 } });
    await run.dynamodb.documents.send(
      new PutCommand({
        TableName: TABLES.positions,
        Item: {
          account: 'DU9000001',
          conId: POSITIONS.leaseConId,
          bridge: 'home',
          at: '2026-11-20T15:00:00.000Z',
        },
      }),
    );
    const shown = await command('positions');
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(
      /DU\*\*\*01 +728937835 +QQQ 2027-01-15 500 P +-3 +2100\.63 +20 +live +301\.90 +USD +spy-condor -2 +-1\n/,
    );
    expect(shown.stdout).toContain('USD: unrealized 301.90 over 1 of 1 positions');
    expect((await command('positions', '--show-accounts')).stdout).toContain('DU9000001');
    expect((await command('positions', '--strategy', 'nix', '--account', 'DU9000001')).code).toBe(2);
    const json = JSON.parse((await command('positions', '--strategy', 'spy-condor', '--json')).stdout);
    expect(json).toMatchObject({
      positions: [
        { account: 'DU9000001', conId: 728937835, quantity: '-3', unassigned: '-1', unrealized: '301.8963' },
      ],
      totals: [{ currency: 'USD', unrealized: '301.8963' }],
    });
  });

  it('shows an item that is no snapshot as left out', async () => {
    const Item = { account: 'DU9000001', conId: 5, kind: 'nonsense' };
    await run.dynamodb.documents.send(new PutCommand({ TableName: TABLES.positions, Item }));
    const { stderr } = await command('positions');
    expect(stderr).toMatch(/^left out, no snapshot: conId 5: .*\n$/);
  });
});

describe('slotwise lines', () => {
  it('asks the bridge of the run', async () => {
    const server = createServer((_, response) => response.end(JSON.stringify(bridgeStatus()))).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const address = server.address();
    const statusUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    await run.record({ bridges: [{ id: 'home', statusUrl, stateDir: 'bridge/home' }] });
    const shown = await command('lines');
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toBe(
      'home: 0 of 90 lines streaming, 90 free, 0 snapshots in flight, 0 refused\n' +
        'cap 90: lines.cap is 100, and 10 are left to your own TWS; 5 are kept for polling\n',
    );
    const json = JSON.parse((await command('lines', '--json', '--bridge', 'home')).stdout);
    expect(json).toEqual([{ ...bridgeStatus(), isLive: true }]);
    const unknown = await command('lines', 'explain', 'nix');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toBe(
      'slotwise: bridge home knows no open strategy "nix": open strategies are none\n',
    );
    server.close();
  });

  it('says when nothing is known of a bridge', async () => {
    await run.record({ bridges: [{ id: 'home', stateDir: 'bridge/home' }] });
    const shown = await command('lines');
    expect(shown).toMatchObject({ code: 3, stdout: '' });
    expect(shown.stderr).toMatch(/^slotwise: nothing is known of bridge home: .*slotwise bridge.*\n$/);
  });
});

describe('slotwise query', () => {
  it('answers as a table, as JSON and as CSV', async () => {
    await putRawObject(run.s3.client, run.s3.bucket, [
      { snapshot: snapshot({ seq: 1 }) },
      { snapshot: snapshot({ seq: 2, reason: 'changed', quantity: '-2.5' }) },
    ]);
    const sql = 'select seq, quantity, reason, observed_at, \'a,"b"\' as note from snapshots order by seq';
    const table = await command('query', sql);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(
      /^seq +quantity +reason +observed_at +note\n +1 +-3 +opened +2026-11-20T15:00:00.000Z/,
    );
    expect(table.stdout).toMatch(/\n2 rows\n$/);
    expect(JSON.parse((await command('query', sql, '--json')).stdout)).toEqual([
      { seq: 1, quantity: '-3', reason: 'opened', observed_at: '2026-11-20T15:00:00.000Z', note: 'a,"b"' },
      { seq: 2, quantity: '-2.5', reason: 'changed', observed_at: '2026-11-20T15:00:00.000Z', note: 'a,"b"' },
    ]);
    expect((await command('query', sql, '--csv')).stdout.split('\n')[1]).toBe(
      '1,-3,opened,2026-11-20T15:00:00.000Z,"a,""b"""',
    );
  });

  it('answers over an empty lake, and refuses what is no SQL in one line', async () => {
    expect((await command('query', 'select count(*) as n from snapshots', '--json')).stdout).toBe(
      '[\n  {\n    "n": 0\n  }\n]\n',
    );
    const refused = await command('query', 'selec');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toBe('slotwise: Parser Error: syntax error at or near "selec"\n');
  });

  it('warns of ids with two bodies', async () => {
    await putRawObject(run.s3.client, run.s3.bucket, [{ snapshot: snapshot() }]);
    await putRawObject(run.s3.client, run.s3.bucket, [{ snapshot: snapshot(), body: 'another' }]);
    const shown = await command('query', 'from snapshots', '--json');
    expect(shown).toMatchObject({
      code: 0,
      stdout: '[]\n',
      stderr: expect.stringContaining('1 ids have two bodies'),
    });
  });
});
