import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { generatePortfolio } from '../local/gateway/generator.ts';
import { strategiesOfCondors } from '../local/run/seed.ts';
import {
  bareClient,
  bridge,
  type Contender,
  type Feed,
  ibAsyncClient,
  pythonWithIbAsync,
} from './feed/contenders.ts';
import { startFeedGateway } from './feed/gateway.ts';
import { corePercent, figuresOf, median, type ProcessFigures, round } from './process-figures.ts';

/**
 * What 100 lines of 50 messages a second each cost: `node bench/feed.ts [--runs 3] [--for 30] [--peer] [--json]`.
 * Each run has a simulated gateway in a process of its own, whose count of messages sent is the rate shown, and one
 * contender: the whole bridge with recorder, sweeps, cloud and somebody at the live page; the client library with
 * empty listeners; with `--peer` also ib_async, without any handler, in a virtual environment made for it. They take
 * turns, and the table has the medians. Linux only.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    for: { type: 'string', default: '30' },
    only: { type: 'string' },
    peer: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = positive('runs', values.runs);
const WINDOW_MS = positive('for', values.for) * 1000;

const LINES = 100;
const MESSAGES_PER_SECOND = 5000;
/** A feed that is further from what it should be proves nothing. */
const RATE_TOLERANCE = 0.1;
/** Four legs of a condor say about this much when the market moves; every contract has its turn of 5 ms. */
const TICK_MS = 151;
const TICK_TURNS = 30;
const WARM_UP_MS = 15_000;
const START_MS = 120_000;
/** Flat: the last third of the window needs no more than this above the first, by medians. */
const GROWTH_MAX = 0.05;
const SEED = 20_261_121;
const ATTEMPTS_MAX = 5;

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  process.stderr.write(`--${option} must be a number above 0 (of seconds, for --for), not "${text}"\n`);
  process.exit(2);
}

class NotTheFeed extends Error {}

interface Run {
  readonly contender: string;
  readonly messagesPerSecond: number;
  readonly corePercent: number;
  readonly residentMb: number;
  readonly highestMb: number;
  /** Least squares over the window. */
  readonly slopeMbPerMinute: number;
  /** Of the median of the last third over that of the first. */
  readonly growthPercent: number;
}

const directory = mkdtempSync(join(tmpdir(), 'slotwise-bench-'));
try {
  const contenders = chosen();
  const runs: Run[] = [];
  for (let nth = 1; nth <= RUNS; nth += 1) {
    for (const [name, start] of contenders) {
      const run = await measured(name, start, nth);
      if (!values.json) process.stderr.write(`${nth}/${RUNS} ${JSON.stringify(run)}\n`);
      runs.push(run);
    }
  }
  print(
    contenders.map(([name]) => summary(runs.filter(({ contender }) => contender === name))),
    runs,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function chosen(): [string, (feed: Feed) => Promise<Contender>][] {
  const all: [string, (feed: Feed) => Promise<Contender>][] = [
    ['slotwise bridge', bridge],
    ['@stoqey/ib alone', bareClient],
  ];
  if (values.peer) {
    const python = pythonWithIbAsync();
    if (python === undefined) process.stderr.write('no python3 with venv and pip: ib_async is left out\n');
    else all.push(['ib_async alone', ibAsyncClient(python)]);
  }
  return all.filter(([name]) => name.includes(values.only ?? ''));
}

/** A machine that was busy with something else did not send the feed: once more, a few times. */
async function measured(name: string, start: (feed: Feed) => Promise<Contender>, nth: number): Promise<Run> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await measure(name, start, `${nth}-${attempt}`);
    } catch (cause) {
      if (!(cause instanceof NotTheFeed) || attempt === ATTEMPTS_MAX) throw cause;
      process.stderr.write(`${cause.message}; again\n`);
    }
  }
}

async function measure(name: string, start: (feed: Feed) => Promise<Contender>, run: string): Promise<Run> {
  const own = join(directory, `${name.replaceAll(/\W+/g, '-')}-${run}`);
  const { portfolioFile, registryFile, conIds } = writeFeed(own);
  await using gateway = await startFeedGateway({
    portfolioFile,
    cap: 2 * LINES,
    tickMs: TICK_MS,
    tickTurns: TICK_TURNS,
  });
  await using contender = await start({ port: gateway.port, conIds, directory: own, registryFile });
  const ready = await gateway.next(({ streaming }) => streaming >= LINES, AbortSignal.timeout(START_MS));
  const after = (atMs: number) =>
    gateway.next((count) => count.atMs >= atMs, AbortSignal.timeout(atMs - Date.now() + 60_000));
  const first = await after(ready.atMs + WARM_UP_MS);
  const samples: ProcessFigures[] = [figuresOf(contender.pid)];
  const sampling = setInterval(() => samples.push(figuresOf(contender.pid)), 1000);
  const last = await after(first.atMs + WINDOW_MS);
  clearInterval(sampling);
  samples.push(figuresOf(contender.pid));

  const perSecond = (last.ticks - first.ticks) / ((last.atMs - first.atMs) / 1000);
  if (Math.abs(perSecond / MESSAGES_PER_SECOND - 1) > RATE_TOLERANCE || last.dropped > 0) {
    throw new NotTheFeed(
      `${name}: ${Math.round(perSecond)} messages a second, ${last.dropped} dropped: not the feed`,
    );
  }
  return { contender: name, messagesPerSecond: Math.round(perSecond), ...figures(samples) };
}

function figures(samples: readonly ProcessFigures[]): Omit<Run, 'contender' | 'messagesPerSecond'> {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing was sampled');
  const memory = samples.map(({ residentMb }) => residentMb);
  const third = Math.max(1, Math.floor(memory.length / 3));
  const growth = median(memory.slice(-third)) / median(memory.slice(0, third)) - 1;
  return {
    corePercent: round(corePercent(first, last)),
    residentMb: round(median(memory)),
    highestMb: round(last.highestMb),
    slopeMbPerMinute: round(slope(samples), 2),
    growthPercent: round(100 * growth),
  };
}

function slope(samples: readonly ProcessFigures[]): number {
  const mean = (of: (sample: ProcessFigures) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const minutes = mean(({ atMs }) => atMs / 60_000);
  const residentMb = mean((sample) => sample.residentMb);
  const covariance = mean((sample) => (sample.atMs / 60_000 - minutes) * (sample.residentMb - residentMb));
  return covariance / mean(({ atMs }) => (atMs / 60_000 - minutes) ** 2);
}

/** 25 iron condors: nothing else is held that could stream. */
function writeFeed(own: string) {
  mkdirSync(own, { recursive: true });
  const portfolio = generatePortfolio({ seed: SEED, positions: 2 * LINES, condors: LINES / 4 });
  const portfolioFile = join(own, 'portfolio.json');
  const registryFile = join(own, 'registry.json');
  writeFileSync(portfolioFile, JSON.stringify(portfolio));
  writeFileSync(registryFile, JSON.stringify(strategiesOfCondors(portfolio.condors)));
  const conIds = portfolio.condors.flatMap(({ legs }) => legs.map(({ conId }) => conId));
  return { portfolioFile, registryFile, conIds };
}

function summary(runs: readonly Run[]): Run {
  const of = (figure: (run: Run) => number) => median(runs.map(figure));
  return {
    contender: runs[0]?.contender ?? '',
    messagesPerSecond: of((run) => run.messagesPerSecond),
    corePercent: of((run) => run.corePercent),
    residentMb: of((run) => run.residentMb),
    highestMb: of((run) => run.highestMb),
    slopeMbPerMinute: of((run) => run.slopeMbPerMinute),
    growthPercent: of((run) => run.growthPercent),
  };
}

function print(summaries: readonly Run[], runs: readonly Run[]): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ lines: LINES, windowS: WINDOW_MS / 1000, summaries, runs })}\n`);
    return;
  }
  const table = new Table({
    head: ['', 'messages/s', 'core', 'resident', 'highest', 'slope', 'memory'],
    style: { head: [], border: [] },
  });
  for (const it of summaries) {
    const isFlat = it.growthPercent <= 100 * GROWTH_MAX;
    table.push([
      it.contender,
      it.messagesPerSecond,
      `${it.corePercent} %`,
      `${it.residentMb} MB`,
      `${it.highestMb} MB`,
      `${it.slopeMbPerMinute} MB/min`,
      `${isFlat ? 'flat' : 'grows'} (${it.growthPercent} %)`,
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
}
