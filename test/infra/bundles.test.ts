import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleHandler } from '../../infra/constructs/bundle.ts';
import { FUNCTION_ENV } from '../../shared/names.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

let app: Synthesized;
let bundles: string[];

beforeAll(() => {
  app = synthesized();
  bundles = readdirSync(app.directory)
    .filter((name) => name.startsWith('asset.'))
    .map((name) => join(app.directory, name, 'index.mjs'));
});

afterAll(() => app[Symbol.dispose]());

describe('the bundles', () => {
  it('are three, each below a megabyte', () => {
    expect(bundles).toHaveLength(3);
    for (const bundle of bundles) expect(statSync(bundle).size).toBeLessThan(1_000_000);
  });

  it('load as they are and answer an empty batch, with no package in reach', async () => {
    for (const bundle of bundles) {
      expect(await answerOf(bundle)).toEqual({ batchItemFailures: [] });
    }
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
    using again = synthesized();
    const names = (directory: string) => readdirSync(directory).filter((name) => name.startsWith('asset.'));
    expect(names(again.directory)).toEqual(names(app.directory));
  });
});

/** A worker from a file: an `eval` worker has a global `require` that Lambda has not. */
async function answerOf(bundle: string): Promise<unknown> {
  const file = `${bundle}.caller.mjs`;
  writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads';
    const { handler } = await import(${JSON.stringify(bundle)});
    parentPort.postMessage(await handler({ Records: [] }, { awsRequestId: 'r' }));`,
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
