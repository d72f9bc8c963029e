import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { keptBundle } from '../../../infra/constructs/kept-bundle.ts';
import { temporaryDirectory } from '../../local/aws/support/temporary.ts';

const SOURCES = ['functions/drain/handler.ts', 'shared/names.ts', 'package-lock.json', 'tsconfig.json'];

let project: string;
let made: number;

beforeEach(() => {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  project = directory.path;
  made = 0;
  for (const path of SOURCES) write(path, 'as it was');
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

/** Its text says how many were made before it. */
function bundled(directory = 'functions/drain'): string {
  const outfile = join(project, 'index.mjs');
  keptBundle({
    project,
    directory,
    outfile,
    bundle: (path) => {
      made += 1;
      writeFileSync(path, `${directory} ${made}`);
    },
  });
  return readFileSync(outfile, 'utf8');
}

describe('a bundle that was made before', () => {
  it('is taken again, to the letter, while nothing has changed', () => {
    expect([bundled(), bundled(), bundled()]).toEqual(Array(3).fill('functions/drain 1'));
  });

  it.each(SOURCES)('is made anew when %s has changed', (path) => {
    bundled();
    write(path, 'as it is');
    expect([bundled(), bundled()]).toEqual(Array(2).fill('functions/drain 2'));
  });

  it('is made anew when a source was added, and when it has gone to another path', () => {
    bundled();
    write('functions/drain/row.ts', '');
    expect(bundled()).toBe('functions/drain 2');
    renameSync(join(project, 'functions/drain/row.ts'), join(project, 'functions/drain/rows.ts'));
    expect(bundled()).toBe('functions/drain 3');
  });

  it('is that of its handler, and the only one that is kept of it', () => {
    expect(bundled('functions/drain')).toBe('functions/drain 1');
    expect(bundled('functions/feed')).toBe('functions/feed 2');
    write('shared/names.ts', 'as they are');
    expect(bundled('functions/drain')).toBe('functions/drain 3');
    expect(bundled('functions/feed')).toBe('functions/feed 4');
    expect(readdirSync(join(project, '.build/bundles')).sort()).toEqual(['drain.mjs', 'feed.mjs']);
  });

  it('is not needed where nothing can be kept', () => {
    write('.build', 'a file in the way');
    expect([bundled(), bundled()]).toEqual(['functions/drain 1', 'functions/drain 2']);
  });
});
