import { spawn } from 'node:child_process';
import { EventEmitter, on } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { CLI, end } from './contenders.ts';

/** What the gateway itself has counted at one moment. */
interface Count {
  readonly atMs: number;
  /** Market data messages sent. */
  readonly ticks: number;
  /** Not sent, because the client did not read. */
  readonly dropped: number;
  readonly streaming: number;
}

export interface FeedGateway extends AsyncDisposable {
  readonly port: number;
  /** @returns its next count for which this holds. @throws AbortError */
  next(holds: (count: Count) => boolean, signal: AbortSignal): Promise<Count>;
}

const listeningSchema = z.object({ event: z.literal('listening'), port: z.int() });
const statusSchema = z.object({
  event: z.literal('status'),
  at: z.iso.datetime(),
  ticks: z.int(),
  ticksDropped: z.int(),
  lines: z.object({ streaming: z.int() }),
});

/** The simulated gateway in a process of its own. */
export async function startFeedGateway(options: {
  readonly portfolioFile: string;
  readonly cap: number;
  readonly tickMs: number;
  readonly tickTurns: number;
}): Promise<FeedGateway> {
  const { portfolioFile, cap, tickMs, tickTurns } = options;
  const numbers = { port: 0, cap, 'tick-ms': tickMs, 'tick-turns': tickTurns };
  const job = spawn(
    process.execPath,
    [
      CLI,
      'gateway',
      '--json',
      '--portfolio',
      portfolioFile,
      ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const counts = new EventEmitter<{ count: [Count] }>();
  const port = await new Promise<number>((resolve, reject) => {
    job.once('exit', () => reject(new Error('the gateway ended')));
    createInterface({ input: job.stdout }).on('line', (line) => {
      const said: unknown = JSON.parse(line);
      const listening = listeningSchema.safeParse(said);
      if (listening.success) resolve(listening.data.port);
      const status = statusSchema.safeParse(said);
      if (!status.success) return;
      const { at, ticks, ticksDropped, lines } = status.data;
      counts.emit('count', {
        atMs: Date.parse(at),
        ticks,
        dropped: ticksDropped,
        streaming: lines.streaming,
      });
    });
  });
  return {
    port,
    async next(holds, signal) {
      for await (const [count] of on(counts, 'count', { signal }) as AsyncIterable<[Count]>) {
        if (holds(count)) return count;
      }
      throw new Error('the gateway ended');
    },
    [Symbol.asyncDispose]: () => end(job, 'SIGTERM'),
  };
}
