import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** @param path of a page below the project @returns its text */
export function readPage(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** @returns the cells of every table row of a page whose first cell is one piece of code, without the backticks there */
export function codedRows(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => /^\| `[^`]+`\s+\|/.test(line))
    .map((line) =>
      line
        .replace(/^\|/, '')
        .replace(/\|$/, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
    .map(([first = '', ...rest]) => [first.replaceAll('`', ''), ...rest]);
}

/** @returns the content of every fenced block of a page in the language, in their order */
export function fencedBlocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
}
