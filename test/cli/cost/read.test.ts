import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readUsage } from '../../../cli/cost/read.ts';
import { EXIT } from '../../../cli/failure.ts';
import { LOCAL_RUN } from '../../../shared/local-run.ts';
import { usageOf } from './usages.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'slotwise-cost-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function write(text: string): Promise<void> {
  await mkdir(join(dir, LOCAL_RUN.awsDirectory), { recursive: true });
  await writeFile(join(dir, LOCAL_RUN.awsDirectory, LOCAL_RUN.usageFile), text);
}

describe('the counts of a run', () => {
  it('are read as they were written', async () => {
    const usage = usageOf({});
    await write(JSON.stringify(usage));
    expect(readUsage(dir)).toEqual(usage);
  });

  it('are asked for with the command that makes them where there are none', () => {
    const failure = {
      exitCode: EXIT.noTarget,
      message: expect.stringContaining('slotwise local --for 190s'),
    };
    expect(() => readUsage(dir)).toThrow(expect.objectContaining(failure));
  });

  it.each(['no JSON', '{"schema":2}'])(
    'are refused with a remedy when they have another shape: %s',
    async (text) => {
      await write(text);
      const failure = { exitCode: EXIT.usage, message: expect.stringContaining('--fresh') };
      expect(() => readUsage(dir)).toThrow(expect.objectContaining(failure));
    },
  );
});
