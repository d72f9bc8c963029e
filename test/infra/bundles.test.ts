import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleHandler } from '../../infra/constructs/bundle.ts';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

const PROJECT = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

let app: Synthesized;
let bundles: string[];

beforeAll(() => {
  app = synthesized({ bundles: true });
  bundles = readdirSync(app.directory)
    .filter((name) => name.startsWith('asset.'))
    .map((name) => join(app.directory, name, 'index.mjs'));
  // In a fresh checkout the machine code of another platform is fetched first: 21 MB.
}, 240_000);

afterAll(() => app[Symbol.dispose]());

describe('the bundles', () => {
  it('are four, each below a megabyte', () => {
    expect(bundles).toHaveLength(4);
    for (const bundle of bundles) expect(statSync(bundle).size).toBeLessThan(1_000_000);
  });

  it('load as they are and answer an empty batch, with no package in reach', async () => {
    for (const bundle of bundles.filter((each) => !hasPackages(each))) {
      expect(await answerOf(bundle)).toEqual({ batchItemFailures: [] });
    }
  });

  it('of the compactor has the database for Linux on arm64 beside it, whatever this machine is', () => {
    const [bundle = '', ...others] = bundles.filter(hasPackages);
    expect(others).toEqual([]);
    const packages = join(dirname(bundle), 'node_modules', '@duckdb');
    expect(readdirSync(packages).sort()).toEqual(['node-bindings', 'node-bindings-linux-arm64']);
    const binding = join(packages, 'node-bindings-linux-arm64');
    for (const file of ['duckdb.node', 'libduckdb.so']) {
      expect(lstatSync(join(binding, file)).isFile()).toBe(true);
      expect(machineOf(join(binding, file))).toBe(AARCH64);
    }
    const { version } = JSON.parse(readFileSync(join(binding, 'package.json'), 'utf8'));
    expect(version).toBe(PROJECT.dependencies['@duckdb/node-api']);
  });

  it('of the compactor fits into what Lambda unpacks', () => {
    const directory = dirname(bundles.find(hasPackages) ?? '');
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    expect(bytes).toBeLessThan(250 * 1024 * 1024);
  });

  it('may contain CommonJS packages that require modules of Node', () => {
    const entry = join(app.directory, 'commonjs.cjs');
    const outfile = join(app.directory, 'commonjs.mjs');
    writeFileSync(entry, "const { sep } = require('node:path'); exports.answer = () => sep;");
    bundleHandler({ entry, outfile });
    const script = `const { default: bundle } = await import(${JSON.stringify(outfile)}); console.log(bundle.answer());`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script]);
    expect(output.toString().trim()).toBe('/');
  });

  it('are the same for the same source, so that a deployment changes nothing', () => {
    using again = synthesized({ bundles: true });
    const names = (directory: string) => readdirSync(directory).filter((name) => name.startsWith('asset.'));
    expect(names(again.directory)).toEqual(names(app.directory));
  });

  it('are left out where nobody wants code, as for `cdk list`: the templates differ in its address alone', () => {
    using bare = synthesized({ bundles: false });
    expect(
      readdirSync(bare.directory).filter((name) => existsSync(join(bare.directory, name, 'index.mjs'))),
    ).toEqual([]);
    const templates = (of: Synthesized) =>
      JSON.stringify(of.all).replaceAll(/[0-9a-f]{64}\.zip/g, 'code.zip');
    expect(templates(bare)).toContain('code.zip');
    expect(templates(bare)).toBe(templates(app));
  });
});

function hasPackages(bundle: string): boolean {
  return existsSync(join(dirname(bundle), 'node_modules'));
}

/** https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const AARCH64 = 183;

function machineOf(file: string): number {
  const header = readFileSync(file).subarray(0, 20);
  expect(header.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  return header.readUInt16LE(18);
}

/** A worker from a file: an `eval` worker has a global `require` that Lambda has not. */
async function answerOf(bundle: string): Promise<unknown> {
  const file = `${bundle}.caller.mjs`;
  writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads';
    const { handler } = await import(${JSON.stringify(bundle)});
    const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 };
    parentPort.postMessage(await handler({ Records: [] }, context));`,
  );
  const worker = new Worker(file, {
    stdout: true,
    env: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      [FUNCTION_ENV.lakeBucket]: 'lake',
      [FUNCTION_ENV.positionsTable]: 'positions',
      [FUNCTION_ENV.auditTable]: 'audit',
      [FUNCTION_ENV.feedQueueUrls]: '{"home":"http://127.0.0.1:9/000000000000/feed"}',
    },
  });
  const [answer] = await once(worker, 'message');
  await worker.terminate();
  return answer;
}
