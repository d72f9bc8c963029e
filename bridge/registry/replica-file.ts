import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { describeFaults } from '../../shared/message.ts';
import type { Replica } from '../../shared/replica.ts';
import { instantSchema } from '../../shared/snapshot.ts';
import { strategySchema } from '../../shared/strategy.ts';
import { DIRECTORY_MODE, replaceFile } from '../durable-file.ts';

const fileSchema = z.object({
  schema: z.literal(1),
  /** When a scan or a read of the head last agreed with it. */
  confirmedAt: instantSchema,
  contiguous: z.int().nonnegative(),
  ahead: z.array(z.int().positive()),
  strategies: z.array(strategySchema),
});

export interface SavedReplica {
  readonly replica: Replica;
  readonly confirmedAt: string;
}

export type LoadedReplica =
  | ({ readonly state: 'found' } & SavedReplica)
  | { readonly state: 'absent' }
  /** It was moved aside, to be looked into. */
  | { readonly state: 'unreadable'; readonly fault: string; readonly movedTo: string };

/**
 * Reads the last known good registry. A file that cannot be read counts as none: nothing is guessed from parts.
 * @throws Error of node:fs other than a missing file
 */
export async function loadReplica(file: string, nowMs: number): Promise<LoadedReplica> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'absent' };
    throw cause;
  }
  const parsed = parse(text);
  if (typeof parsed !== 'string') return { state: 'found', ...parsed };
  const movedTo = `${file}.unreadable-${nowMs}`;
  await rename(file, movedTo);
  return { state: 'unreadable', fault: parsed, movedTo };
}

export async function saveReplica(file: string, { replica, confirmedAt }: SavedReplica): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: DIRECTORY_MODE });
  const content: z.input<typeof fileSchema> = {
    schema: 1,
    confirmedAt,
    contiguous: replica.contiguous,
    ahead: [...replica.ahead],
    strategies: [...replica.strategies.values()],
  };
  await replaceFile(file, `${JSON.stringify(content)}\n`);
}

/** @returns the reason where it is not a replica */
function parse(text: string): SavedReplica | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return `not JSON: ${(cause as Error).message}`;
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) return describeFaults(parsed.error);
  const { confirmedAt, contiguous, ahead, strategies } = parsed.data;
  const byId = new Map(strategies.map((strategy) => [strategy.id, strategy]));
  return { confirmedAt, replica: { strategies: byId, contiguous, ahead: new Set(ahead) } };
}
