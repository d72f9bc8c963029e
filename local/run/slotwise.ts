import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli/slotwise.ts', import.meta.url));

/** What a command printed, standard error after standard output, and how it exited. */
export interface Said {
  readonly exitCode: number;
  readonly text: string;
}

/** The command itself, as a person runs it. */
export function runSlotwise(args: readonly string[], signal: AbortSignal): Promise<Said> {
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { env: environment, signal },
      (_error, stdout, stderr) =>
        resolve({ exitCode: child.exitCode ?? -1, text: `${stdout}${stderr}`.trim() }),
    );
  });
}
