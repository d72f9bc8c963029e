import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../../cli/process.ts';
import { openStores } from '../../../local/aws/stores.ts';
import type { ClosingReport } from '../../../local/run/report.ts';
import { LOCAL_RUN, type LocalRun, parseLocalRun } from '../../../shared/local-run.ts';
import { LAKE } from '../../../shared/names.ts';
import { bridgeStatusSchema } from '../../../shared/status.ts';
import { eventually } from '../../support/eventually.ts';
import { listeningAddresses, openToOthers } from './exposure.ts';

const PROGRAM = fileURLToPath(new URL('../../../cli/slotwise.ts', import.meta.url));
const TEST_DEADLINE_MS = 150_000;
const UP_DEADLINE_MS = 60_000;

let dir: string;
let started: ChildProcess[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slotwise-local-'));
  started = [];
});
afterEach(async () => {
  const processes = recorded()?.children ?? [];
  for (const child of started) child.kill('SIGKILL');
  await eventually(() => !processes.some(isAlive));
  rmSync(dir, { recursive: true, force: true });
});

function slotwise(...args: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--dir', dir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended, said: () => stdout + stderr };
}

function recorded(): LocalRun | undefined {
  try {
    return parseLocalRun(readFileSync(join(dir, LOCAL_RUN.file), 'utf8'));
  } catch {
    return undefined;
  }
}

function reportOf(stdout: string): ClosingReport {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as ClosingReport;
}

/** What must never happen: an object of the lake is gone. */
async function loseOneObject(): Promise<void> {
  await using stores = await openStores({ dir: join(dir, LOCAL_RUN.awsDirectory) });
  const { s3 } = stores.clients('cli');
  const Bucket = stores.outputs.lakeBucket;
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: LAKE.raw, MaxKeys: 1 }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: Contents?.[0]?.Key }));
}

/** @returns the run's record once its bridge streams that many lines and has handed over a sweep */
function untilStreaming(lines: number): Promise<LocalRun> {
  return eventually(
    async () => {
      const run = recorded();
      const url = run?.bridges[0]?.statusUrl;
      if (run === undefined || url === undefined) return undefined;
      const status = bridgeStatusSchema.parse(await (await fetch(new URL('/status.json', url))).json());
      return status.lines.streaming === lines && status.sweeps.complete > 0 && status.outbox.sent > 0 && run;
    },
    { deadlineMs: UP_DEADLINE_MS, what: `${lines} lines streaming` },
  );
}

describe('slotwise local', () => {
  it(
    'runs the whole path, lets commands in and nobody else, and balances',
    async () => {
      const run = slotwise('local', '--for', '12s', '--json');
      const record = await untilStreaming(20);
      expect(record.children.map(({ name }) => name)).toEqual(expect.arrayContaining(['bridge', 'dynoxide']));
      // The assembly is what anybody synthesizes from the source, the lock holds nothing.
      expect(openToOthers(dir).filter((path) => !/^(assembly(\/|$)|run\.lock)/.test(path))).toEqual([]);
      if (process.platform === 'linux') {
        const addresses = listeningAddresses([record.pid, ...record.children.map(({ pid }) => pid)]);
        expect(addresses.length).toBeGreaterThan(4);
        expect(new Set(addresses)).toEqual(new Set(['0100007F']));
      }

      const second = await slotwise('local', '--for', '5s').ended;
      expect(second.code).toBe(2);
      expect(second.stderr).toBe(
        `slotwise: ${dir} is in use by another run, process ${record.pid}: stop it, or name another directory with --dir\n`,
      );
      const listed = await slotwise('registry', 'list', '--json').ended;
      expect(listed.code).toBe(0);

      const { code, stdout, stderr } = await run.ended;
      const report = reportOf(stdout);
      expect(stdout.trimEnd().split('\n'), stderr).toHaveLength(1);
      expect(report).toMatchObject({
        gateway: { serverVersion: 193 },
        lines: { cap: 100, streaming: 20, peak: 20, refused: 0 },
        sweeps: { failed: 0 },
        snapshots: { deadLettered: 0, dropped: 0, inFlight: 0, duplicateRows: 0 },
        registry: { changes: 2, p99Ms: null },
        balanced: true,
      });
      expect(report.snapshots.produced).toBeGreaterThanOrEqual(200);
      expect(report.snapshots.stored).toBe(report.snapshots.produced);
      expect(report.lines.peakWithSnapshots).toBeLessThanOrEqual(100);
      expect(report.ticks).toBeGreaterThan(0);
      expect(report.batches.maxSize).toBeLessThanOrEqual(50);
      expect(code).toBe(0);
      expect(record.children.filter(isAlive)).toEqual([]);

      const page = join(dir, 'dashboard.html');
      expect(await slotwise('dashboard').ended).toMatchObject({ code: 0, stdout: `${page}\n` });
      const drawn = readFileSync(page, 'utf8');
      expect(/LinesInUse home<\/span><b>\d+<\/b>/.test(drawn)).toBe(true);
      expect(drawn.match(/<svg /g)?.length).toBeGreaterThan(10);
    },
    TEST_DEADLINE_MS,
  );

  it(
    'loses nothing when it is killed, goes on in the same directory, and would say if something were lost',
    async () => {
      const killed = slotwise('local', '--json');
      const before = await untilStreaming(20);
      killed.child.kill('SIGKILL');
      await killed.ended;
      await eventually(() => before.children.every((child) => !isAlive(child)), { deadlineMs: 30_000 });

      const resumed = slotwise('local', '--for', '4s', '--json');
      const after = await untilStreaming(20);
      const { code, stdout, stderr } = await resumed.ended;
      const report = reportOf(stdout);
      expect(report, stderr).toMatchObject({ balanced: true, lines: { peak: 20, refused: 0 } });
      expect(report.snapshots.produced).toBeGreaterThanOrEqual(200);
      expect(code).toBe(0);
      expect(after.children.filter(isAlive)).toEqual([]);

      await loseOneObject();
      const short = await slotwise('local', '--for', '1s', '--json').ended;
      expect(reportOf(short.stdout)).toMatchObject({ balanced: false, snapshots: { inFlight: 0 } });
      expect(short.stderr).toMatch(/\d+ snapshots? nowhere to be found, for example home:\d+-\w+:\d+/);
      expect(short.code).toBe(1);
    },
    TEST_DEADLINE_MS,
  );

  it(
    'ends in order at one Ctrl-C, and at once at a second one, without a process left',
    async () => {
      const run = slotwise('local');
      const record = await untilStreaming(20);
      run.child.kill('SIGINT');
      await eventually(() => run.said().includes('stopping the bridge'), { deadlineMs: 30_000 });
      // The first half second belongs to the first Ctrl-C, which npm repeats.
      await eventually(() => run.child.exitCode !== null || (run.child.kill('SIGINT') && false), {
        deadlineMs: 30_000,
      });
      expect([0, 130]).toContain(run.child.exitCode);
      await eventually(() => record.children.every((child) => !isAlive(child)), { deadlineMs: 30_000 });
    },
    TEST_DEADLINE_MS,
  );
});
