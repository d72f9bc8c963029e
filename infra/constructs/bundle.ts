import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

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
    banner: { js: REQUIRE_BANNER },
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
  });
}

/** A handler's bundle in a directory of its own, gone when the block ends: assets are copied when they are bound. */
export function bundledHandler(directory: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'slotwise-bundle-'));
  bundleHandler({ entry: `${directory}/handler.ts`, outfile: join(path, 'index.mjs') });
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
