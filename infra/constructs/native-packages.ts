import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A package with compiled parts, which no bundler can take in: it goes beside the bundle. */
export interface NativePackage {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
}

/** Whose machine code: Lambda's, or that of the machine on which the local run executes the functions. */
export type NativeTarget = { readonly cpu: 'arm64' | 'x64' } | 'this machine';

interface Entry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const project = fileURLToPath(new URL('../..', import.meta.url));
const BINDINGS = '@duckdb/node-bindings';
/** The binding and what it requires. */
const PORTABLE = [BINDINGS, 'detect-libc'];
/** Outside of node_modules, which is npm's: a fresh checkout fetches anew. */
const CACHE = join(project, '.build', 'native');

/**
 * The packages of DuckDB for one kind of machine. npm installs those of its own: where that is another one, the
 * package of Lambda is fetched once by npm itself, in the version and with the checksum of package-lock.json.
 * @throws Error with the remedy when it cannot be fetched
 */
export function nativePackages(target: NativeTarget): NativePackage[] {
  const entries = lockEntries();
  const named = (name: string, root: string): NativePackage => ({
    name,
    version: entries[`node_modules/${name}`]?.version ?? '',
    directory: join(root, 'node_modules', name),
  });
  const installed = (names: readonly string[]) =>
    names.map((name) => named(name, project)).filter(({ directory }) => existsSync(directory));
  const bindings = Object.keys(entries[`node_modules/${BINDINGS}`]?.optionalDependencies ?? {});
  if (target === 'this machine') return installed([...PORTABLE, ...bindings]);
  const binding = `${BINDINGS}-linux-${target.cpu}`;
  const present = installed([...PORTABLE, binding]);
  if (present.length > PORTABLE.length) return present;
  return [...PORTABLE, binding].map((name) => named(name, fetched(binding, { entries, cpu: target.cpu })));
}

function lockEntries(): Readonly<Record<string, Entry>> {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Entry>;
  };
  return lock.packages;
}

/** @returns a directory whose node_modules has the packages; it appears only when it is whole */
function fetched(
  binding: string,
  of: { readonly entries: Readonly<Record<string, Entry>>; readonly cpu: string },
): string {
  const { entries, cpu } = of;
  const version = entries[`node_modules/${binding}`]?.version ?? '';
  const target = join(CACHE, `${binding.replace('/', '-')}-${version}`);
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    writeLock(directory, binding, entries);
    execFileSync('npm', ['ci', '--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--ignore-scripts'], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // npm skips an optional package that it cannot get without a word.
    if (!existsSync(join(directory, 'node_modules', binding, 'duckdb.node'))) {
      throw new Error('npm left it out');
    }
    renameSync(directory, target);
  } catch (cause) {
    rmSync(directory, { recursive: true, force: true });
    // Another synthesis was faster.
    if (existsSync(target)) return target;
    throw new Error(
      `${binding} ${version}, which the compactor needs in Lambda, cannot be fetched (${firstLine(cause)}): ` +
        'npm needs a registry that has it, once',
      { cause },
    );
  }
  return target;
}

/** The part of our own lock that is about these packages. */
function writeLock(directory: string, binding: string, entries: Readonly<Record<string, Entry>>): void {
  const version = entries[`node_modules/${BINDINGS}`]?.version ?? '';
  const root = { name: 'native', version: '1.0.0', dependencies: { [BINDINGS]: version } };
  const packages = Object.fromEntries(
    [...PORTABLE, binding].map((name) => [`node_modules/${name}`, entries[`node_modules/${name}`] ?? {}]),
  );
  const bindings = { ...packages[`node_modules/${BINDINGS}`], optionalDependencies: { [binding]: version } };
  const lock = {
    name: root.name,
    version: root.version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': root, ...packages, [`node_modules/${BINDINGS}`]: bindings },
  };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(root));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(lock));
}

function firstLine(cause: unknown): string {
  const { stderr } = cause as { stderr?: Buffer };
  const text = stderr?.toString().trim() || (cause as Error).message;
  return text.split('\n').find((line) => /error/i.test(line)) ?? text.split('\n', 1)[0] ?? '';
}
