import { readFile } from 'node:fs/promises';
import { type BridgeStatus, bridgeStatusSchema } from '../../shared/status.ts';

const FETCH_DEADLINE_MS = 2000;

/** @returns what the bridge says of itself; undefined while it does not answer */
export async function fetchStatus(statusUrl: string): Promise<BridgeStatus | undefined> {
  try {
    const response = await fetch(new URL('status.json', withSlash(statusUrl)), {
      signal: AbortSignal.timeout(FETCH_DEADLINE_MS),
    });
    return response.ok ? bridgeStatusSchema.parse(await response.json()) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns conIds that the bridge streams for its watch class; none while it does not answer */
export async function fetchWatched(statusUrl: string | undefined): Promise<ReadonlySet<number>> {
  const status = statusUrl === undefined ? undefined : await fetchStatus(statusUrl);
  return new Set(status?.lines.rows.filter(({ watch }) => watch).map(({ conId }) => conId));
}

/** @returns the last status that a bridge wrote down; undefined when there is none that can be read */
export async function readStatusFile(path: string): Promise<BridgeStatus | undefined> {
  try {
    return bridgeStatusSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
