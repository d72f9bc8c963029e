import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/**
 * Where the DynamoDB emulator is: DYNOXIDE_BIN, then the optional package, then the PATH.
 * @throws Error of one line that names how to install it
 */
export function findDynoxide(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment.DYNOXIDE_BIN;
  if (named) {
    if (isExecutable(named)) return named;
    throw new Error(
      `DYNOXIDE_BIN names ${named}, which is not an executable file: correct it, or unset it to use the installed one`,
    );
  }
  const found = [packagedBinary(), ...binariesOnPath(environment.PATH ?? '')].find(
    (path) => path !== undefined && isExecutable(path),
  );
  if (found !== undefined) return found;
  throw new Error(
    `the DynamoDB emulator "dynoxide" is not here (${process.platform}-${process.arch}): install it with ` +
      '"npm install" on Linux x64, "brew install nubo-db/tap/dynoxide" or "cargo install dynoxide-rs" elsewhere, ' +
      'or set DYNOXIDE_BIN to the binary',
  );
}

function packagedBinary(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve('@dynoxide/linux-x64/package.json');
    return join(dirname(manifest), 'dynoxide');
  } catch {
    return undefined;
  }
}

function binariesOnPath(path: string): string[] {
  const file = process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide';
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((dir) => join(dir, file));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
