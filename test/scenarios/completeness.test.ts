import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultSchema } from '../../local/gateway/faults.ts';

describe('the scenarios of this directory', () => {
  it('exercise every fault that the gateway has', async () => {
    const here = import.meta.dirname;
    const files = (await readdir(here)).filter((name) => name.endsWith('.test.ts'));
    const texts = await Promise.all(files.map((name) => readFile(join(here, name), 'utf8')));
    const kinds = faultSchema.options.map(({ shape }) => shape.kind.value);
    expect(kinds.length).toBeGreaterThan(20);
    const missing = kinds.filter((kind) => !texts.some((text) => text.includes(`'${kind}'`)));
    expect(missing).toEqual([]);
  });
});
