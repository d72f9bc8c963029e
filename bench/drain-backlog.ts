import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withDeadline } from '../bridge/wait.ts';
import { EXIT } from '../cli/failure.ts';
import { bundleHandler } from '../infra/constructs/bundle.ts';
import { NEW_TABLE, type Throughput } from '../local/aws/throughput.ts';
import { Ending } from '../local/run/ending.ts';
import { synthesizeInto } from '../local/run/synthesis.ts';
import { drainBacklog } from './drain-backlog/run.ts';
import { type BacklogReport, renderReport } from './drain-backlog/text.ts';

/**
 * A bridge comes back with days of snapshots: `npm run bench:drain-backlog -- [--messages 200000] [--scale 0.1]
 * [--concurrency 10] [--minutes 60] [--json]`. Fills the queue, half of it with one contract, then lets the bundle of
 * the stacks drain it through their own mapping while live snapshots come, over tables that throttle.
 *
 * One machine is slower than AWS, so the tables serve a share (`--scale`) of what new ones do there; 1 second here is
 * then `scale` seconds of a real account. Exit code 1 where anything was lost, doubled or
 * dead-lettered, or no call was throttled.
 */
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '200000' },
    scale: { type: 'string', default: '0.1' },
    concurrency: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
});
const messages = Number(values.messages);
const scale = Number(values.scale);
const throughput: Throughput = {
  partitions: NEW_TABLE.partitions,
  writesPerSecond: NEW_TABLE.writesPerSecond * scale,
  readsPerSecond: NEW_TABLE.readsPerSecond * scale,
};
using ending = new Ending({ onSecond: () => process.exit(EXIT.interrupted) });
const signal = withDeadline(ending.signal, Number(values.minutes) * 60_000);
const startedMs = performance.now();
const say = (text: string) => process.stderr.write(`${text}\n`);
const directory = mkdtempSync(join(tmpdir(), 'slotwise-backlog-'));
try {
  const assembly = join(directory, 'assembly');
  say('synthesizing the stacks');
  await synthesizeInto(assembly, { signal });
  const figures = await drainBacklog({
    assembly,
    directory,
    messages,
    throughput,
    concurrency: Number(values.concurrency),
    say,
    signal,
  });
  const report: BacklogReport = {
    ...figures,
    scale,
    throughput,
    processMemoryMb: idleMemoryMb(join(directory, 'bundle', 'index.mjs')),
  };
  say(`took ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  process.stdout.write(`${values.json ? JSON.stringify(report) : renderReport(report)}\n`);
  process.exitCode = report.complaints.length === 0 ? EXIT.ok : EXIT.failed;
} catch (cause) {
  if (!signal.aborted) throw cause;
  say(ending.signal.aborted ? 'interrupted' : `it did not end within ${values.minutes} minutes`);
  process.exitCode = ending.signal.aborted ? EXIT.interrupted : EXIT.failed;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function idleMemoryMb(bundle: string): number {
  bundleHandler({ entry: 'functions/drain/handler.ts', outfile: bundle });
  const script = `await import(${JSON.stringify(bundle)}); console.log(process.memoryUsage.rss());`;
  const env = {
    ...process.env,
    AWS_REGION: 'us-east-1',
    LAKE_BUCKET: 'lake',
    POSITIONS_TABLE: 'positions',
    AUDIT_TABLE: 'audit',
  };
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { env });
  return Number(output.toString()) / 2 ** 20;
}
