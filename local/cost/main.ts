import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monthOf } from '../../cli/cost/month.ts';
import { readUsage } from '../../cli/cost/read.ts';
import { monthText } from '../../cli/cost/view.ts';
import { EXIT } from '../../cli/failure.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { parseUsage, type Usage } from '../../shared/usage.ts';
import { compareMonths } from './compare.ts';

/**
 * `npm run cost:long`: half an hour of the main job, keyframes and a compaction included, and whether three minutes of
 * it would have told the same month. Exit codes: 0 they agree within a tenth, 1 they do not or the run failed.
 */
const SLOTWISE = fileURLToPath(new URL('../../cli/slotwise.ts', import.meta.url));
const DIR = '.build/cost-long';
const LONG = '30m';
/** Whole minutes that a run of three minutes has after its start. */
const SHORT_STEADY_MS = 120_000;
const POLL_MS = 500;

const STARTED_MS = Date.now();

const run = spawn(process.execPath, [SLOTWISE, 'local', '--for', LONG, '--json', '--fresh', '--dir', DIR], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const over = new AbortController();
const ended = once(run, 'exit').then(([code]) => {
  over.abort();
  return code as number | null;
});
process.on('SIGINT', () => run.kill('SIGINT'));
process.on('SIGTERM', () => run.kill('SIGTERM'));

const short = await usageAfter(SHORT_STEADY_MS, over.signal);
const code = await ended;
if (short === undefined || code !== 0) {
  process.stderr.write(`the run ended with code ${code}: there is nothing to compare\n`);
  process.exitCode = EXIT.failed;
} else {
  const month = monthOf(readUsage(DIR));
  const { text, agrees } = compareMonths(monthOf(short), month);
  process.stdout.write(`${monthText(month)}\n\n${text}\n`);
  process.exitCode = agrees ? EXIT.ok : EXIT.failed;
}

/** @returns the counts as soon as they hold so much of the steady part; undefined when the run ended before */
async function usageAfter(steadyMs: number, signal: AbortSignal): Promise<Usage | undefined> {
  for (;;) {
    const usage = written();
    if (usage !== undefined && usage.phases.steady.durationMs >= steadyMs) return usage;
    const goesOn = await delay(POLL_MS, true, { signal }).catch(() => false);
    if (!goesOn) return undefined;
  }
}

/** @returns what this run has counted by now; the file of an earlier one is of another start */
function written(): Usage | undefined {
  try {
    const usage = parseUsage(readFileSync(join(DIR, LOCAL_RUN.awsDirectory, LOCAL_RUN.usageFile), 'utf8'));
    return Date.parse(usage.startedAt) >= STARTED_MS ? usage : undefined;
  } catch {
    return undefined;
  }
}
