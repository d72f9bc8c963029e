import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { strategiesOfCondors } from '../../local/run/seed.ts';
import { bridgeStatusSchema } from '../../shared/status.ts';
import { testDirectory } from '../support/directory.ts';
import { eventually } from '../support/eventually.ts';
import { startServices, type TestServices } from '../support/services.ts';
import { type Deployment, deploy, run } from './running.ts';

const ACCOUNT = 'DU1111111';
const portfolio = generatePortfolio({ seed: 3, positions: 12, condors: 1, accounts: [ACCOUNT] });
const [strategy] = strategiesOfCondors(portfolio.condors);
if (strategy === undefined) throw new Error('a condor is expected');

const MAIN = join(import.meta.dirname, '../../bridge/main.ts');

/** The bridge as a process, with nothing in its environment but what is given. */
function spawnBridge(environment: Readonly<Record<string, string>>, cwd: string) {
  const child = spawn(process.execPath, [MAIN], {
    cwd,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said = { stdout: '', stderr: '' };
  child.stdout?.on('data', (bytes) => {
    said.stdout += String(bytes);
  });
  child.stderr?.on('data', (bytes) => {
    said.stderr += String(bytes);
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const listening = async () => {
    const [message] = (await once(child, 'message')) as [{ readonly statusUrl: string }];
    return message.statusUrl;
  };
  return { child, said, ended, listening };
}

/** A port that counts who knocks. */
async function startDoor() {
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, knocks: () => knocks };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('settings at fault', () => {
  it('end the process with 2 and a line for each fault, before anything is connected or written', async () => {
    const directory = testDirectory();
    const door = await startDoor();
    const { said, ended } = spawnBridge(
      {
        SLOTWISE_BRIDGE: 'Home Server',
        SLOTWISE_STATE_DIR: 'state',
        SLOTWISE_GATEWAY_PORT: String(door.port),
        SLOTWISE_GATEWAY_REQUESTS_PER_SECOND: '80',
        SLOTWISE_SWEEP_PERIOD: '30',
        SLOTWISE_HANDLERS: 'mine.js',
        AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${door.port}`,
      },
      directory,
    );
    expect(await ended).toBe(2);
    const lines = said.stderr.trimEnd().split('\n');
    for (const key of [
      'SLOTWISE_SWEEP_PERIOD:',
      'SLOTWISE_BRIDGE (bridge) = "Home Server":',
      'SLOTWISE_GATEWAY_REQUESTS_PER_SECOND (gateway.requestsPerSecond) = 80:',
      'SLOTWISE_HANDLERS (handlers) =',
      'outputs =',
    ]) {
      expect(lines.filter((line) => line.startsWith(key))).toHaveLength(1);
    }
    expect(lines).toHaveLength(5);
    expect(said.stdout).toBe('');
    expect(door.knocks()).toBe(0);
    expect(existsSync(join(directory, 'state'))).toBe(false);
  });
});

describe('a bridge that runs', () => {
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

  it("tells a handler of the user's own of what streams and what is polled, and ends it in order", async () => {
    const told = join(deployment.directory, 'told.jsonl');
    const module = join(deployment.directory, 'handler.js');
    writeFileSync(
      module,
      `import { appendFileSync } from 'node:fs';
      const write = (row) => appendFileSync(${JSON.stringify(told)}, JSON.stringify(row) + '\\n');
      export default ({ log }) => ({
        name: 'mine',
        lanes: ['stream', 'poll'],
        start: () => log.info('mine-started'),
        handle: ({ lane, contract, positions, quote, strategyIds }) =>
          write({ lane, conId: contract.conId, accounts: positions.map((row) => row.account), quality: quote.quality, price: quote.mark?.price, strategyIds }),
        stop: () => write({ stopped: true }),
      });`,
    );
    const gateway = await startGateway({ portfolio, tickPeriodMs: 20, snapshotMs: 50 });
    onTestFinished(() => gateway.stop());
    await deployment.registry.put(strategy);
    const { bridge, log, until } = await run(deployment, gateway, { SLOTWISE_HANDLERS: 'handler.js' });
    const rows = () =>
      existsSync(told)
        ? readFileSync(told, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Record<string, unknown>)
        : [];
    const legs = strategy.legs.map(({ conId }) => conId);
    for (const conId of legs) {
      const row = await eventually(() =>
        rows().find((each) => each.lane === 'stream' && each.conId === conId && each.price !== undefined),
      );
      expect(row).toMatchObject({ accounts: [ACCOUNT], strategyIds: [strategy.id] });
    }
    const unassigned = portfolio.positions.find(({ conId }) => !legs.includes(conId))?.conId;
    await eventually(() => rows().some(({ lane, conId }) => lane === 'poll' && conId === unassigned));
    const polled = await until(
      ({ lines }) => lines.polled.every(({ mark }) => mark !== undefined),
      'every polled contract answered',
    );
    for (const { conId } of polled.lines.polled) {
      const of = await eventually(() => rows().find((row) => row.lane === 'poll' && row.conId === conId));
      expect(of.strategyIds).toEqual([]);
    }
    expect(polled.handlers).toContainEqual(expect.objectContaining({ name: 'mine', failed: 0 }));
    expect(log.entries.map(({ event }) => event)).toContain('mine-started');
    await bridge.stop();
    expect(rows().at(-1)).toEqual({ stopped: true });
  });

  it('goes on trying a gateway that is not there, and says what to check', async () => {
    const port = await closedPort();
    const { child, ended, listening } = spawnBridge(
      { ...deployment.environment, SLOTWISE_GATEWAY_PORT: String(port) },
      deployment.directory,
    );
    const url = await listening();
    const gateway = await eventually(async () => {
      const answer = await (await fetch(`${url}/status.json`)).json();
      const status = bridgeStatusSchema.parse(answer).gateway;
      return status.failedAttempts >= 2 ? status : undefined;
    });
    const remedy = `127.0.0.1:${port} refused the connection: is TWS or IB Gateway running`;
    expect(gateway).toMatchObject({ connections: 0, linkUp: false });
    expect(gateway.lastFault).toContain(remedy);
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(503);
    expect(await health.json()).toEqual({ ok: false, reason: expect.stringContaining(remedy) });

    const late = await startGateway({ portfolio, port, tickPeriodMs: 20 });
    onTestFinished(() => late.stop());
    await eventually(async () => (await fetch(`${url}/healthz`)).status === 200);
    child.send({ type: 'stop' });
    expect(await ended).toBe(0);
  });
});
