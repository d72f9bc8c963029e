import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { keptBundle } from './kept-bundle.ts';
import type { NativePackage } from './native-packages.ts';

const projectDir = fileURLToPath(new URL('../..', import.meta.url));

/**
 * CommonJS packages inside an ES module bundle call `require` for Node's own modules; Lambda has none in a module:
 * without this the handler dies at import with "Dynamic require of ... is not supported".
 */
const REQUIRE_BANNER =
  "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);";

/** The esbuild call of every handler, the same in a deployment, in the local run and in the benchmark. */
export function bundleHandler(options: { readonly entry: string; readonly outfile: string }): void {
  buildSync({
    absWorkingDir: projectDir,
    entryPoints: [options.entry],
    outfile: options.outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    // Compiled code: see native-packages.ts.
    external: ['@duckdb/node-bindings'],
    banner: { js: REQUIRE_BANNER },
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
  });
}

export interface Bundled extends Disposable {
  /** A directory; packages beside the bundle are links. */
  readonly path: string;
  /** Changes with the bundle and with the versions of the packages: nobody needs to read 60 MB to know. */
  readonly hash: string;
}

/** The source of a handler in place of its bundle, for who does not look at code: `cdk list` and `cdk destroy`. */
export function unbundledHandler(directory: string): Bundled {
  return { path: join(projectDir, directory), hash: directory, [Symbol.dispose]: () => {} };
}

/**
 * A handler's bundle in a directory of its own, gone when the block ends: assets are copied when they are bound.
 * @param options.runsHere a bundle of the same sources may be one that was made before
 */
export function bundledHandler(
  directory: string,
  native: readonly NativePackage[] = [],
  { runsHere = false }: { readonly runsHere?: boolean } = {},
): Bundled {
  const path = mkdtempSync(join(tmpdir(), 'slotwise-bundle-'));
  const outfile = join(path, 'index.mjs');
  const bundle = (file: string) => bundleHandler({ entry: `${directory}/handler.ts`, outfile: file });
  if (runsHere) keptBundle({ project: projectDir, directory, outfile, bundle });
  else bundle(outfile);
  const hash = createHash('sha256').update(readFileSync(outfile));
  for (const { name, version, directory: source } of native) {
    const link = join(path, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(source, link, 'dir');
    hash.update(`${name}@${version}\n`);
  }
  return { path, hash: hash.digest('hex'), [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
