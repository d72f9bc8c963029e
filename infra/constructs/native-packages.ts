import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchPackages } from './fetch-packages.ts';

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
  const fetched = fetchPackages({
    name: binding,
    cpu: target.cpu,
    probe: 'duckdb.node',
    what: 'which the compactor needs in Lambda',
    ...lockOf(binding, entries),
  });
  return [...PORTABLE, binding].map((name) => named(name, fetched));
}

function lockEntries(): Readonly<Record<string, Entry>> {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Entry>;
  };
  return lock.packages;
}

/** The part of our own lock that is about these packages. */
function lockOf(binding: string, entries: Readonly<Record<string, Entry>>) {
  const version = entries[`node_modules/${BINDINGS}`]?.version ?? '';
  const packages = Object.fromEntries(
    [...PORTABLE, binding].map((name) => [`node_modules/${name}`, entries[`node_modules/${name}`] ?? {}]),
  );
  const bindings = { ...packages[`node_modules/${BINDINGS}`], optionalDependencies: { [binding]: version } };
  return {
    version: entries[`node_modules/${binding}`]?.version ?? '',
    dependencies: { [BINDINGS]: version },
    packages: { ...packages, [`node_modules/${BINDINGS}`]: bindings },
  };
}
