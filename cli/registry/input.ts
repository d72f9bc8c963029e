import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { describeFaults } from '../../shared/message.ts';
import { type StrategyInput, strategyInputSchema } from '../../shared/strategy.ts';
import { CommandFailure, EXIT } from '../failure.ts';

/** One strategy of a file, with the version that the file says it is made from. */
export interface FileInput {
  readonly input: StrategyInput;
  readonly version?: number;
}

const versionedSchema = strategyInputSchema.extend({ version: z.int().nonnegative().optional() });

/**
 * Reads what `slotwise registry put` takes: one strategy or an array of them.
 * @param file a path, or "-" for standard input
 * @throws CommandFailure naming every fault of every strategy, before anything is written
 */
export async function readInputs(file: string): Promise<FileInput[]> {
  const name = file === '-' ? 'standard input' : file;
  return parseInputs(await readSource(file, name), name);
}

/** @param name of the source, for messages */
export function parseInputs(source: string, name: string): FileInput[] {
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (cause) {
    throw new CommandFailure(EXIT.usage, `${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const candidates: unknown[] = Array.isArray(json) ? json : [json];
  if (candidates.length === 0) {
    throw new CommandFailure(EXIT.usage, `${name} holds no strategy: see slotwise registry put --help`);
  }
  const inputs: FileInput[] = [];
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const [index, candidate] of candidates.entries()) {
    const label = `strategy ${index + 1}${nameOf(candidate)}`;
    const parsed = versionedSchema.safeParse(candidate);
    if (!parsed.success) {
      faults.push(`${label}: ${describeFaults(parsed.error)}`);
      continue;
    }
    const { version, ...input } = parsed.data;
    if (seen.has(input.id)) faults.push(`${label}: id: is there twice`);
    seen.add(input.id);
    inputs.push(version === undefined ? { input } : { input, version });
  }
  if (faults.length > 0) throw new CommandFailure(EXIT.usage, `${name}: ${faults.join('; ')}`);
  return inputs;
}

async function readSource(file: string, name: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new CommandFailure(EXIT.usage, `${name} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function nameOf(candidate: unknown): string {
  const id = (candidate as { id?: unknown } | null)?.id;
  return typeof id === 'string' && id !== '' ? ` (${id})` : '';
}
