import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTPUTS } from '../../shared/names.ts';

/** Nothing answers there: a cloud that is away. */
export const NOWHERE = 'http://127.0.0.1:9';

/** @returns the path of an outputs file as a deployment with the bridge `home` leaves it, of a cloud that is away */
export function writeOutputs(directory: string): string {
  const names = Object.values(OUTPUTS).map((name) => [name, `${NOWHERE}/1/${name}`]);
  const outputs = { ...Object.fromEntries(names), [OUTPUTS.feedQueueUrls]: `{"home":"${NOWHERE}/1/feed"}` };
  const file = join(directory, 'slotwise.outputs.json');
  writeFileSync(file, JSON.stringify({ stack: outputs }));
  return file;
}
