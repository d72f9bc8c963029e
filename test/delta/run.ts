import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run test:delta`: has delta-rs read the table, in a virtual environment of its own below `.build/`. Needs Python
 * 3 with pip, and PyPI the first time.
 */
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const environment = here('../../.build/delta-rs');
const python = join(environment, 'bin', 'python');
const inherit = { stdio: 'inherit' } as const;

if (!existsSync(python)) {
  mkdirSync(environment, { recursive: true });
  execFileSync('python3', ['-m', 'venv', environment], inherit);
}
const install = [
  '-m',
  'pip',
  'install',
  '--quiet',
  '--disable-pip-version-check',
  '-r',
  here('requirements.txt'),
];
execFileSync(python, install, inherit);
const directory = mkdtempSync(join(tmpdir(), 'slotwise-delta-'));
try {
  execFileSync(process.execPath, [here('write-table.ts'), directory], inherit);
  execFileSync(python, [here('read_table.py'), directory], inherit);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
