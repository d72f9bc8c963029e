import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ServiceManager, serviceManagerOf } from '../../../bridge/service/manager.ts';
import { Supervision } from '../../../bridge/service/supervision.ts';
import type { BridgeStatus } from '../../../shared/status.ts';
import { testDirectory } from '../../support/directory.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { NOWHERE, writeOutputs } from '../../support/outputs.ts';
import {
  missingForNotify,
  startServiceManager,
  type TestServiceManager,
} from '../../support/service-manager.ts';
import { bridgeStatus } from '../../support/status.ts';

const MAIN = join(import.meta.dirname, '../../../bridge/main.ts');

/** Of the watchdog: systemd's is two minutes. */
const WATCHDOG_MS = 2000;

/** A bridge as systemd starts it, whose cloud and gateway are away. */
function spawnService(manager: TestServiceManager, settings: Readonly<Record<string, string>> = {}) {
  const directory = testDirectory();
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      NOTIFY_SOCKET: manager.address,
      WATCHDOG_USEC: String(WATCHDOG_MS * 1000),
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
      AWS_ENDPOINT_URL: NOWHERE,
      SLOTWISE_BRIDGE: 'home',
      SLOTWISE_STATE_DIR: 'state',
      SLOTWISE_OUTPUTS: writeOutputs(directory),
      SLOTWISE_GATEWAY_PORT: '9',
      SLOTWISE_STATUS_PORT: '0',
      ...settings,
    },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const missing = missingForNotify();

describe.skipIf(missing !== undefined)(
  `a bridge that systemd supervises${missing === undefined ? '' : ` (left out: ${missing})`}`,
  () => {
    it('is up and alive while gateway and cloud are away, says so, and says that it stops', async () => {
      const manager = await startServiceManager();
      const child = spawnService(manager);
      expect(await manager.until('READY=1')).toEqual(['READY=1', 'STATUS=started']);
      const before = manager.heard.slice(
        0,
        manager.heard.findIndex(([first]) => first === 'READY=1'),
      );
      expect(before.map(([first]) => first)).toContain(`EXTEND_TIMEOUT_USEC=${WATCHDOG_MS * 1000}`);
      const [, said] = await manager.until('WATCHDOG=1');
      expect(said).toMatch(/^STATUS=the session with 127\.0\.0\.1:9 is .*refused the connection/);
      expect(said).toContain('registry none');
      const { length } = manager.heard;
      await manager.until('WATCHDOG=1', length + 2);
      expect(manager.silenceMs()).toBeLessThan(WATCHDOG_MS);
      child.kill('SIGTERM');
      expect(await manager.until('STOPPING=1')).toEqual(['STOPPING=1', 'STATUS=stopping: SIGTERM']);
    });

    it('is silent for longer than the watchdog waits once its event loop hangs', async () => {
      const manager = await startServiceManager();
      const handler = join(testDirectory(), 'handler.js');
      writeFileSync(
        handler,
        `const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        export default () => ({ name: 'hangs', start: () => void process.once('SIGUSR2', hang), handle: () => {} });`,
      );
      const child = spawnService(manager, { SLOTWISE_HANDLERS: handler });
      await manager.until('WATCHDOG=1');
      child.kill('SIGUSR2');
      await eventually(() => manager.silenceMs() > 2 * WATCHDOG_MS, { what: 'silence' });
      expect(child.exitCode).toBeNull();
    });

    it('gets a text with line breaks through as one line', async () => {
      const manager = await startServiceManager();
      const env = { PATH: process.env.PATH, NOTIFY_SOCKET: manager.address };
      await serviceManagerOf(env, 1)?.tell(['STATUS=one\nREADY=1', 'WATCHDOG=1']);
      expect(await manager.until('STATUS')).toEqual(['STATUS=one READY=1', 'WATCHDOG=1']);
    });
  },
);

describe('who wants to hear of the bridge', () => {
  it('is nobody without an address', () => {
    expect(serviceManagerOf({ WATCHDOG_USEC: '2000000' }, 1)).toBeUndefined();
  });

  it('is known to the bridge alone: its other children do not see the address', () => {
    const env = { NOTIFY_SOCKET: '/run/systemd/notify', PATH: '/usr/bin' };
    expect(serviceManagerOf(env, 1)).toBeDefined();
    expect(env).toEqual({ PATH: '/usr/bin' });
  });

  it.each([
    [{ WATCHDOG_USEC: '120000000', WATCHDOG_PID: '7' }, 120_000],
    [{ WATCHDOG_USEC: '120000000' }, 120_000],
    [{ WATCHDOG_USEC: '120000000', WATCHDOG_PID: '8' }, undefined],
    [{}, undefined],
  ])('waits for process 7 as %o says', (env, watchdogMs) => {
    expect(serviceManagerOf({ ...env, NOTIFY_SOCKET: '@notify' }, 7)?.watchdogMs).toBe(watchdogMs);
  });
});

describe('the watchdog of a bridge that runs', () => {
  const sweep = { periodMs: 10, deadlineMs: 10 };

  function supervise(status: () => Promise<BridgeStatus>, tell?: ServiceManager['tell']) {
    const told: string[] = [];
    const log = recordingLog();
    const manager: ServiceManager = {
      watchdogMs: 80,
      tell: tell ?? (async (assignments) => void told.push(...assignments)),
    };
    const supervision = new Supervision({ manager, log, sweep });
    onTestFinished(() => supervision[Symbol.dispose]());
    supervision.start();
    supervision.ready({ status });
    return { told, log };
  }

  it("is not fed while the outbox's thread does not answer, and fed again once it does", async () => {
    const answers = [Promise.withResolvers<BridgeStatus>()];
    const { told, log } = supervise(() => answers[0]?.promise ?? Promise.resolve(bridgeStatus()));
    await eventually(() => told.includes("STATUS=the outbox's thread does not answer"));
    expect(told).not.toContain('WATCHDOG=1');
    expect(log.entries.map(({ event }) => event)).toEqual(['watchdog-withheld']);
    answers.pop()?.resolve(bridgeStatus());
    await eventually(() => told.includes('WATCHDOG=1'));
  });

  it('is not fed while the sweeps stand still, and fed while they end', async () => {
    let complete = 1;
    let isHung = false;
    const { told, log } = supervise(async () => {
      if (!isHung) complete += 1;
      return bridgeStatus({ sweeps: { ...bridgeStatus().sweeps, complete } });
    });
    await eventually(() => told.filter((text) => text === 'WATCHDOG=1').length > 2);
    isHung = true;
    await eventually(() => log.entries.some(({ event }) => event === 'watchdog-withheld'));
    const fed = told.filter((text) => text === 'WATCHDOG=1').length;
    await eventually(() => told.filter((text) => text.startsWith('STATUS=no sweep')).length > 3);
    expect(told.filter((text) => text === 'WATCHDOG=1')).toHaveLength(fed);
    expect(log.entries).toHaveLength(1);
  });

  it('says once that its messages do not arrive', async () => {
    let tries = 0;
    const { log } = supervise(
      async () => bridgeStatus(),
      async () => {
        tries += 1;
        throw new Error('spawn systemd-notify ENOENT');
      },
    );
    await eventually(() => tries > 3);
    expect(log.entries).toEqual([
      { level: 'warn', event: 'service-manager-fault', fields: { fault: 'spawn systemd-notify ENOENT' } },
    ]);
  });
});
