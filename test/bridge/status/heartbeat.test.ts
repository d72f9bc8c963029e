import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openOutbox } from '../../../bridge/outbox/outbox.ts';
import { Heartbeats, type Report } from '../../../bridge/status/heartbeat.ts';
import { decodeMessage } from '../../../shared/message.ts';
import { bridgeStatusSchema } from '../../../shared/status.ts';
import { testDirectory } from '../../support/directory.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { heartbeat } from '../../support/messages.ts';
import { bridgeStatus } from '../../support/status.ts';

const { gauges } = heartbeat();

async function open(report: () => Promise<Report>, periodMs = 600_000) {
  const directory = testDirectory();
  const statusFile = join(directory, 'status.json');
  const log = recordingLog();
  const outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log });
  onTestFinished(() => outbox.close());
  const heartbeats = new Heartbeats({ bridge: 'home', outbox, report, statusFile, periodMs, log });
  onTestFinished(() => heartbeats.stop());
  const waiting = () => outbox.peek({ count: 10, maxBytes: 1_000_000 });
  return { heartbeats, outbox, statusFile, log, waiting, directory };
}

const reportAt = (at: string): Report => ({ status: bridgeStatus({ at }), gauges, accounts: ['DU9000001'] });

describe('heartbeats', () => {
  it('say at once and then period by period how the bridge is; only the newest waits', async () => {
    let beats = 0;
    const second = (count: number) => `2026-11-20T15:00:0${Math.min(count, 9)}.000Z`;
    const { heartbeats, outbox, waiting, statusFile } = await open(async () => reportAt(second(++beats)), 15);
    heartbeats.start();
    await eventually(() => beats >= 3);
    await heartbeats.stop();
    const [pending, ...others] = await waiting();
    expect(others).toEqual([]);
    const decoded = decodeMessage(pending?.body ?? '');
    expect(decoded).toMatchObject({
      ok: true,
      message: { kind: 'heartbeat', bridge: 'home', epoch: outbox.epoch, accounts: ['DU9000001'], gauges },
    });
    const written = bridgeStatusSchema.parse(JSON.parse(readFileSync(statusFile, 'utf8')));
    expect(written.at).toBe(second(beats));
    expect(statSync(statusFile).mode & 0o777).toBe(0o600);
  });

  it('look again when one is asked for while another is under way', async () => {
    let accounts: string[] = [];
    const { heartbeats, waiting } = await open(async () => ({
      ...reportAt('2026-11-20T15:00:00.000Z'),
      accounts,
    }));
    const first = heartbeats.beat();
    accounts = ['DU9000001'];
    await Promise.all([heartbeats.beat(), heartbeats.beat(), first]);
    const [pending] = await waiting();
    expect(JSON.parse(pending?.body ?? '').accounts).toEqual(['DU9000001']);
  });

  it('write the status file once more at the end, and leave no temporary file', async () => {
    let at = '2026-11-20T15:00:00.000Z';
    const { heartbeats, statusFile, directory } = await open(async () => reportAt(at));
    await heartbeats.beat();
    at = '2026-11-20T15:00:07.000Z';
    await heartbeats.stop();
    await heartbeats.writeLast();
    expect(JSON.parse(readFileSync(statusFile, 'utf8')).at).toBe(at);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('end at stop: one that is asked for later reaches neither the outbox nor the file', async () => {
    const { heartbeats, waiting, statusFile } = await open(async () => reportAt('2026-11-20T15:00:00.000Z'));
    await heartbeats.stop();
    await heartbeats.beat();
    expect(await waiting()).toEqual([]);
    expect(existsSync(statusFile)).toBe(false);
  });

  it('survive a report that fails and a file that cannot be written', async () => {
    let isBroken = true;
    const { heartbeats, log, waiting, statusFile } = await open(async () => {
      if (isBroken) throw new Error('no report');
      return reportAt('2026-11-20T15:00:00.000Z');
    });
    await heartbeats.beat();
    expect(log.entries.at(-1)).toMatchObject({ event: 'heartbeat-failed', fields: { fault: 'no report' } });
    isBroken = false;
    mkdirSync(statusFile);
    await heartbeats.beat();
    expect(log.entries.at(-1)).toMatchObject({ event: 'heartbeat-failed' });
    expect(await waiting()).toHaveLength(1);
  });
});
