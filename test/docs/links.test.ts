import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT, readPage } from './page.ts';

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(PROJECT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** A page without what stands in code, where brackets and hashes mean other things. */
function proseOf(path: string): string {
  return readPage(path)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, 'code');
}

/** As GitHub makes them: lower case, punctuation gone, spaces to dashes. */
function anchorsOf(path: string): Set<string> {
  const headings = readPage(path)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** @returns what is wrong with a link; undefined where it leads somewhere in the project, or out of it */
function faultOf(page: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page : normalize(join(dirname(page), file));
  if (path.startsWith('..') || !existsSync(join(PROJECT, path))) return `${page}: ${target} is not there`;
  if (anchor !== undefined && !anchorsOf(path).has(anchor)) return `${page}: ${target} has no such heading`;
  return undefined;
}

describe('the documentation', () => {
  it('has no link within the project that leads nowhere', () => {
    const links = PAGES.flatMap((page) =>
      [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ page, target })),
    );
    expect(links.length).toBeGreaterThan(20);
    expect(
      links.map(({ page, target }) => faultOf(page, target)).filter((fault) => fault !== undefined),
    ).toEqual([]);
  });

  it('can be reached from the README, page by page', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const path = normalize(join(dirname(page), target)).replace(/\/$/, '');
        if (PAGES.includes(path)) reached.add(path);
        for (const inside of PAGES) if (dirname(inside) === path) reached.add(inside);
      }
    }
    expect(PAGES.filter((page) => !reached.has(page) && page !== 'CHANGELOG.md')).toEqual([]);
  });
});
