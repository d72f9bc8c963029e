import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT, readPage } from './page.ts';

const page = readPage('docs/security.md');

interface Claim {
  readonly text: string;
  readonly evidence: string;
}

/** Rows of two cells; the head and the line below it are none. */
const claims: readonly Claim[] = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| *-/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, text = '', evidence = '']) => ({ text, evidence }))
  .filter(({ evidence }) => evidence !== 'shown by');

/** A test is named by its file, as a link, and by its own words; with `it.each` by the words before the values. */
const TEST = /\[[^\]]+\]\(\.\.\/(test\/[^)]+\.test\.ts)\): “([^”]+)”/g;

describe('docs/security.md', () => {
  it('shows each claim by a test that is there under that name, or says that only AWS can show it', () => {
    expect(claims.length).toBeGreaterThan(25);
    for (const { text, evidence } of claims) {
      const tests = [...evidence.matchAll(TEST)];
      if (tests.length === 0) expect(evidence, text).toMatch(/^\*\*\(account\)\*\* /);
      for (const [, path = '', title = ''] of tests) {
        const source = existsSync(join(PROJECT, path)) ? readFileSync(join(PROJECT, path), 'utf8') : '';
        expect(
          [`'${title}'`, `"${title}"`].some((name) => source.includes(name)),
          `${path}: ${title}`,
        ).toBe(true);
      }
    }
  });
});
