import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { parseUsage, type Usage } from '../../shared/usage.ts';
import { CommandFailure, EXIT } from '../failure.ts';

/**
 * @param dir state directory of a local run
 * @throws CommandFailure when nothing was counted in it
 */
export function readUsage(dir: string): Usage {
  const file = join(dir, LOCAL_RUN.awsDirectory, LOCAL_RUN.usageFile);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${dir} holds no counts: run \`slotwise local --for 190s --dir ${dir}\` first`,
      { cause },
    );
  }
  try {
    return parseUsage(text);
  } catch (cause) {
    const remedy = 'was it written by another version? begin anew with `slotwise local --fresh`';
    throw new CommandFailure(EXIT.usage, `${file} has another shape: ${remedy}`, { cause });
  }
}
