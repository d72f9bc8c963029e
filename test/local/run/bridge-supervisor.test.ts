import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeProcess } from '../../../local/run/bridge-process.ts';
import { type BridgePresence, BridgeSupervisor, RESTARTS_MAX } from '../../../local/run/bridge-supervisor.ts';
import { LocalFault } from '../../../local/run/fault.ts';
import { eventually } from '../../support/eventually.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slotwise-supervisor-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const LISTENS = `process.send({ type: 'listening', statusUrl: 'http://127.0.0.1:4711' });`;
const STOPS = `process.on('message', ({ type }) => { if (type === 'stop') process.disconnect(); });`;
const FAILS = `console.log(JSON.stringify({ level: 50, event: 'outbox.failed', remedy: 'free some space' }));`;

/** A process that keeps the agreement between runner and bridge, or breaks it. */
function supervise(script: string) {
  const main = join(root, 'main.mjs');
  writeFileSync(main, script);
  const logFile = join(root, 'bridge.log');
  const news: string[] = [];
  const presences: BridgePresence[] = [];
  const supervisor = new BridgeSupervisor({
    spawn: () => BridgeProcess.spawn({ main, logFile, environment: process.env }),
    logFile,
    say: (text) => news.push(text),
    onPresence: (presence) => presences.push(presence),
    backoffFirstMs: 1,
  });
  return { supervisor, news, presences };
}

const start = (supervisor: BridgeSupervisor) => supervisor.start(AbortSignal.timeout(15_000));

describe('BridgeSupervisor', () => {
  it('starts a bridge, says where it is, and stops it in order', async () => {
    const { supervisor, presences } = supervise(`${LISTENS} ${STOPS}`);
    await start(supervisor);
    expect(presences.at(-1)?.statusUrl).toBe('http://127.0.0.1:4711');
    expect(await supervisor.stop(10_000)).toEqual({ code: 0, signal: null });
    expect(presences.at(-1)).toEqual({ identity: undefined, statusUrl: undefined });
    expect(supervisor.restarts).toBe(0);
  });

  it('refuses with what the log says when the first start fails', async () => {
    const { supervisor } = supervise(`${FAILS} process.exitCode = 1;`);
    const refusal = start(supervisor);
    await expect(refusal).rejects.toThrow(LocalFault);
    await expect(refusal).rejects.toThrow(
      /the bridge does not start: exit code 1, outbox\.failed · remedy: free some space/,
    );
  });

  it('kills one that does not stop by its deadline', async () => {
    const { supervisor } = supervise(`${LISTENS} setInterval(() => {}, 1000);`);
    await start(supervisor);
    expect(await supervisor.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('starts a bridge again that was killed, and says so', async () => {
    const { supervisor, news, presences } = supervise(`${LISTENS} ${STOPS}`);
    await start(supervisor);
    const first = presences.at(-1)?.identity?.pid ?? 0;
    process.kill(first, 'SIGKILL');
    const second = await eventually(() => {
      const latest = presences.at(-1);
      return latest?.statusUrl !== undefined && latest.identity?.pid !== first && latest;
    });
    expect(second.identity?.pid).not.toBe(first);
    expect(news).toEqual([
      expect.stringMatching(/the bridge ended: SIGKILL; its log is .*; started again in 1 ms \(1 of 5\)/),
    ]);
    expect(supervisor.restarts).toBe(1);
    await supervisor.stop(10_000);
  });

  it('gives up on a bridge that keeps dying', async () => {
    const { supervisor, news } = supervise(`${LISTENS} ${FAILS} setTimeout(() => process.exit(1), 50);`);
    await start(supervisor);
    expect(await supervisor.gaveUp).toMatch(/exit code 1.*outbox\.failed.*it is not started again/);
    expect(supervisor.restarts).toBe(RESTARTS_MAX);
    expect(news).toHaveLength(RESTARTS_MAX);
    expect(await supervisor.stop(10)).toBeUndefined();
  });

  it('does not start a bridge again that its settings keep from running', async () => {
    const flag = join(root, 'ran');
    const { supervisor } = supervise(
      `import { writeFileSync } from 'node:fs'; ${LISTENS} writeFileSync(${JSON.stringify(flag)}, ''); setTimeout(() => process.exit(2), 50);`,
    );
    await start(supervisor);
    expect(await supervisor.gaveUp).toMatch(/exit code 2/);
    expect(existsSync(flag)).toBe(true);
    expect(supervisor.restarts).toBe(0);
  });

  it('stops while it waits to start again', async () => {
    const { supervisor, news } = supervise(`${LISTENS} setTimeout(() => process.exit(1), 50);`);
    await start(supervisor);
    await eventually(() => news.length >= 2);
    await supervisor.stop(10_000);
    const restarts = supervisor.restarts;
    expect(restarts).toBeLessThanOrEqual(RESTARTS_MAX);
  });
});
