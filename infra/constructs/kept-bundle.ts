import { createHash } from 'node:crypto';
import { globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** All that goes into bundles: handlers import nothing of ours but shared, and packages are those of the lock. */
const SOURCES = [
  'functions/**/*.ts',
  'shared/**/*.ts',
  'infra/constructs/bundle.ts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
];

/**
 * Bundling takes most of a synthesis, and what a local run bundles at its start has seldom changed since the last one:
 * `.build/bundles` keeps one bundle of each handler, below the key of what it was made from. A deployment does not
 * ask here.
 * @param options.project the directory of package.json
 * @param options.directory of the handler below the project
 * @param options.bundle makes the bundle as the file that it is given
 */
export function keptBundle(options: {
  readonly project: string;
  readonly directory: string;
  readonly outfile: string;
  readonly bundle: (outfile: string) => void;
}): void {
  const { project, directory, outfile, bundle } = options;
  const kept = join(project, '.build', 'bundles', `${basename(directory)}.mjs`);
  const heading = `// ${keyOfSources(project)}\n`;
  const found = readIfThere(kept);
  if (found?.startsWith(heading)) {
    writeFileSync(outfile, found.slice(heading.length));
    return;
  }
  bundle(outfile);
  replace(kept, heading + readFileSync(outfile, 'utf8'));
}

function keyOfSources(project: string): string {
  const hash = createHash('sha256');
  for (const path of globSync(SOURCES, { cwd: project }).sort()) {
    const source = readFileSync(join(project, path));
    hash.update(`${path} ${source.length}\n`).update(source);
  }
  return hash.digest('hex');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Another synthesis that reads or writes at the same time sees this text or the one before, whole. */
function replace(path: string, text: string): void {
  const directory = join(path, '..');
  try {
    mkdirSync(directory, { recursive: true });
    const writing = mkdtempSync(join(directory, 'writing-'));
    writeFileSync(join(writing, basename(path)), text);
    renameSync(join(writing, basename(path)), path);
    rmSync(writing, { recursive: true });
  } catch {
    // A project that cannot be written to bundles anew each time.
  }
}
