import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** What the bridge imports; what these need in turn is in package-lock.json. A test starts what comes of it. */
export const BRIDGE_PACKAGES = [
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/client-sqs',
  '@aws-sdk/lib-dynamodb',
  '@stoqey/ib',
  'big.js',
  'commander',
  'fastify',
  'pino',
  'zod',
] as const;

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface Release extends Disposable {
  readonly path: string;
}

/** Of packages: what compilers and debuggers read. */
const NOT_RUN = /\.(?:map|d\.[cm]?ts)$/;

/**
 * The bridge as it runs elsewhere, in the layout that its unit expects below /opt/slotwise: its source, the host's
 * scripts, and of node_modules what it needs, as `npm ci` has checked it here.
 * @param nodeBinary of the machine that it is for; without one it brings no Node
 * @returns a directory of its own, gone when the block ends: assets are copied when they are bound
 */
export function bridgeRelease(nodeBinary: string | undefined): Release {
  const path = mkdtempSync(join(tmpdir(), 'slotwise-release-'));
  const copy = (from: string, to: string) =>
    cpSync(from, join(path, to), {
      recursive: true,
      dereference: true,
      filter: (file) => !NOT_RUN.test(file),
    });
  for (const directory of ['bridge', 'shared']) copy(join(project, directory), directory);
  copy(join(project, 'infra/host'), 'host');
  copy(join(project, 'package.json'), 'package.json');
  for (const directory of packagesOf(BRIDGE_PACKAGES)) copy(join(project, directory), directory);
  if (nodeBinary !== undefined) copy(nodeBinary, 'node_modules/.bin/node');
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/**
 * All that packages need to run, by Node's own way of looking for them.
 * @returns directories below the project, without those that are inside of another
 */
export function packagesOf(names: readonly string[]): string[] {
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, Entry>>;
  };
  const found = new Set<string>();
  const waiting = names.map((name) => `node_modules/${name}`);
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (found.has(at)) continue;
    found.add(at);
    for (const name of neededBy(packages[at] ?? {})) waiting.push(resolve(packages, at, name));
  }
  return [...found].filter((at) => at.lastIndexOf('node_modules/') === 0).sort();
}

function neededBy({ dependencies, peerDependencies = {}, peerDependenciesMeta }: Entry): string[] {
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta?.[name]?.optional);
  return [...Object.keys(dependencies ?? {}), ...peers];
}

function resolve(packages: Readonly<Record<string, Entry>>, from: string, name: string): string {
  for (let at = from; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const inside = `${at}/node_modules/${name}`;
    if (packages[inside] !== undefined) return inside;
  }
  const outside = `node_modules/${name}`;
  if (packages[outside] === undefined || !existsSync(join(project, outside))) {
    throw new Error(`${name}, which ${from} needs, is not installed: npm ci`);
  }
  return outside;
}
