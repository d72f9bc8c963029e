import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { describeFaults } from '../../shared/message.ts';
import { type BridgeStatus, bridgeStatusSchema } from '../../shared/status.ts';

/** Where a bridge says how it is: on loopback while it runs, in its state directory afterwards. */
export interface StatusSource {
  /** For messages where nothing answers. */
  readonly name: string;
  /** Base URL of the status server. */
  readonly url?: string;
  readonly stateDir?: string;
}

export type StatusReading =
  | { readonly type: 'live' | 'last-known'; readonly status: BridgeStatus }
  | { readonly type: 'unknown'; readonly name: string; readonly fault: string };

/** Loopback answers within milliseconds; a bridge that does not is asked no longer. */
const ANSWER_DEADLINE_MS = 2000;

/** Asks the running bridge, else reads what it wrote last. Never throws: a bridge that is not there is an answer. */
export async function readStatus(
  source: StatusSource,
  options: { readonly signal?: AbortSignal; readonly deadlineMs?: number } = {},
): Promise<StatusReading> {
  const faults: string[] = [];
  if (source.url !== undefined) {
    const answer = await fetchStatus(source.url, options);
    if (typeof answer !== 'string') return { type: 'live', status: answer };
    faults.push(answer);
  }
  if (source.stateDir !== undefined) {
    const answer = await readStatusFile(join(source.stateDir, LOCAL_RUN.statusFile));
    if (typeof answer !== 'string') return { type: 'last-known', status: answer };
    faults.push(answer);
  }
  const fault = faults.length === 0 ? 'it has not said where it listens yet' : faults.join('; ');
  return { type: 'unknown', name: source.name, fault };
}

/** @returns a fault as text */
async function fetchStatus(
  url: string,
  {
    signal,
    deadlineMs = ANSWER_DEADLINE_MS,
  }: { readonly signal?: AbortSignal; readonly deadlineMs?: number },
): Promise<BridgeStatus | string> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response = await fetch(new URL('/status.json', url), {
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    if (!response.ok) return `${url} answered ${response.status}`;
    return decodeStatus(await response.text(), url);
  } catch (cause) {
    signal?.throwIfAborted();
    return `${url} does not answer (${describeCause(cause)})`;
  }
}

async function readStatusFile(file: string): Promise<BridgeStatus | string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    return `${file} cannot be read (${describeCause(cause)})`;
  }
  return decodeStatus(text, file);
}

function decodeStatus(text: string, origin: string): BridgeStatus | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return `${origin} is not JSON`;
  }
  const parsed = bridgeStatusSchema.safeParse(json);
  return parsed.success ? parsed.data : `${origin} is no status of a bridge: ${describeFaults(parsed.error)}`;
}

/** fetch hides why it failed in its cause. */
function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause instanceof Error ? error.cause : error;
  const { code } = inner as { code?: unknown };
  return typeof code === 'string' ? code : inner.message;
}
