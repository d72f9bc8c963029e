import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Outside of node_modules, which is npm's: a fresh checkout fetches anew. */
const CACHE = fileURLToPath(new URL('../../.build/native', import.meta.url));

export interface FetchOptions {
  /** Of the package with machine code, and its version: what is in the cache is not fetched again. */
  readonly name: string;
  readonly version: string;
  readonly cpu: 'arm64' | 'x64';
  /** A file of the package: npm skips an optional package that it cannot get without a word. */
  readonly probe: string;
  /** Whom a person does a favour by mending what went wrong: `which the compactor needs in Lambda`. */
  readonly what: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** For another kind of machine npm takes these alone. */
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  /** Of a package-lock.json, with checksums. */
  readonly packages: Readonly<Record<string, unknown>>;
}

/**
 * Has npm fetch packages for Linux on another kind of machine, checked against a lock, once.
 * @returns a directory whose node_modules has them; it appears only when it is whole
 * @throws Error with the remedy when they cannot be fetched
 */
export function fetchPackages(options: FetchOptions): string {
  const { name, version, cpu, probe } = options;
  const target = join(CACHE, `${name.replace('/', '-')}-${version}`);
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    writeLock(directory, options);
    execFileSync('npm', ['ci', '--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--ignore-scripts'], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (!existsSync(join(directory, 'node_modules', name, probe))) throw new Error('npm left it out');
    renameSync(directory, target);
  } catch (cause) {
    rmSync(directory, { recursive: true, force: true });
    // Another synthesis was faster.
    if (existsSync(target)) return target;
    throw new Error(
      `${name} ${version}, ${options.what}, cannot be fetched (${firstLine(cause)}): ` +
        'npm needs a registry that has it, once',
      { cause },
    );
  }
  return target;
}

function writeLock(directory: string, { dependencies, optionalDependencies, packages }: FetchOptions): void {
  const root = { name: 'native', version: '1.0.0', dependencies, optionalDependencies };
  const lock = {
    name: root.name,
    version: root.version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': root, ...packages },
  };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(root));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(lock));
}

function firstLine(cause: unknown): string {
  const { stderr } = cause as { stderr?: Buffer };
  const text = stderr?.toString().trim() || (cause as Error).message;
  return text.split('\n').find((line) => /error/i.test(line)) ?? text.split('\n', 1)[0] ?? '';
}
