import type { LocalCloud } from '../../../../local/aws/cloud-types.ts';

/** What handlers under test printed as JSON lines with a `test` field. */
export function collectLines<T extends object>(cloud: LocalCloud): T[] {
  const lines: T[] = [];
  cloud.onFunctionLine((_name, line) => {
    if (line.startsWith('{"test":')) lines.push(JSON.parse(line) as T);
  });
  return lines;
}
