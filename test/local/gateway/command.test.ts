import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EventName } from '@stoqey/ib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from './support/api-client.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slotwise-'));
});
afterAll(() => rm(directory, { recursive: true }));

function start(...options: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['cli/slotwise.ts', 'gateway', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** @returns the exit code and what it said, once it has ended by itself */
async function run(
  ...options: readonly string[]
): Promise<{ readonly code: number; readonly error: string }> {
  const child = start(...options);
  const error = child.stderr === null ? '' : text(child.stderr);
  const [code] = await once(child, 'close');
  return { code, error: await error };
}

describe('slotwise gateway', () => {
  it('says where it listens, serves, and stops in order on Ctrl-C', async () => {
    const child = start('--port', '0', '--positions', '60', '--cap', '30', '--json');
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const first = await eventually(() => output.includes('\n') && output.split('\n')[0]);
    const listening = JSON.parse(first);
    expect(listening).toMatchObject({
      event: 'listening',
      host: '127.0.0.1',
      positions: 60,
      lines: { cap: 30 },
    });
    {
      using client = await connectClient(listening.port);
      client.api.reqPositions();
      await client.waitFor(EventName.positionEnd);
      expect(client.all(EventName.position)).toHaveLength(60);
    }
    child.kill('SIGINT');
    const [code, signal] = await once(child, 'close');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    const last = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ event: 'status', requests: 2 });
  });

  it('runs a scenario, prints each fault that reached somebody, and at the end what did not', async () => {
    const path = join(directory, 'scenario.json');
    const steps = [
      { after: 'ready', fault: { kind: 'notice', code: 1100 } },
      { after: 'positions', fault: { kind: 'drop' } },
    ];
    await writeFile(path, JSON.stringify({ steps }));
    const child = start('--port', '0', '--scenario', path, '--json');
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const said = () =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const { port } = await eventually(() => said().find(({ event }) => event === 'listening'));
    {
      using client = await connectClient(port);
      await client.waitFor(EventName.info, (_, code) => code === 1100);
    }
    await eventually(() => said().find(({ event, kind }) => event === 'fault' && kind === 'notice'));
    child.kill('SIGINT');
    await once(child, 'close');
    expect(said().find(({ event }) => event === 'scenario')).toMatchObject({ planned: 2, exercised: 1 });
  });

  it('names the scenario that it cannot read, and every fault of it', async () => {
    const path = join(directory, 'wrong.json');
    await writeFile(path, '{"steps":[{"fault":{"kind":"thunder"}}]}');
    const { code, error } = await run('--scenario', path);
    expect(code).toBe(2);
    expect(error).toContain('steps[0].fault.kind');
  });

  it('names the port that is in use and the remedy', async () => {
    await using server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, error } = await run('--port', String(port));
    expect(code).toBe(1);
    expect(error).toMatch(new RegExp(`^slotwise: port ${port} is in use.*--port\\n$`));
  });

  it('names the portfolio that it cannot read, and every fault', async () => {
    const path = join(directory, 'portfolio.json');
    await writeFile(path, '{"accounts":[],"instruments":[],"positions":[{"account":"DU1"}]}');
    const { code, error } = await run('--portfolio', path);
    expect(code).toBe(2);
    expect(error.trim().split('\n')).toHaveLength(1);
    expect(error).toContain(path);
    expect(error).toContain('positions[0].conId');
  });

  it.each([
    { options: ['--server-version', '99'], fault: 'serverVersion must be 157 to 200' },
    { options: ['--port', '99999'], fault: 'port must be 0 to 65535' },
    { options: ['--positions', '10', '--condors', '5'], fault: '5 condors need 20 positions' },
  ])('refuses $options with its reason and exit code 2', async ({ options, fault }) => {
    const { code, error } = await run(...options);
    expect(code).toBe(2);
    expect(error).toBe(`slotwise: ${fault}\n`);
  });
});
