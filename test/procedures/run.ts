import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run test:procedures`: executes the commands of docs/operations.md, section "Procedures", as they stand there, in
 * a copy of the project that is removed at the end. Lines marked (account) or (network) are left out, and counted.
 */
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const DEADLINE_MS = 5 * 60_000;

interface Procedure {
  readonly name: string;
  readonly commands: readonly string[];
  readonly leftOut: number;
}

function proceduresOf(page: string): Procedure[] {
  const section = /^## Procedures\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page)?.[1] ?? '';
  return section
    .split(/^### /m)
    .slice(1)
    .map((text) => {
      const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)];
      const lines = blocks
        .flatMap(([, block = '']) => block.split('\n'))
        .filter((line) => line.trim() !== '');
      const commands = lines.filter((line) => !/# \((account|network)\)/.test(line));
      return { name: text.split('\n')[0] ?? '', commands, leftOut: lines.length - commands.length };
    });
}

const NOT_COPIED: ReadonlySet<string> = new Set(['.git', '.build', '.slotwise', 'cdk.out', 'node_modules']);

/** @returns a copy of the project, with the installed packages */
function copyOfProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'slotwise-procedures-'));
  for (const name of readdirSync(PROJECT).filter((entry) => !NOT_COPIED.has(entry))) {
    cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

const procedures = proceduresOf(readFileSync(join(PROJECT, 'docs/operations.md'), 'utf8'));
const commands = procedures.reduce((sum, procedure) => sum + procedure.commands.length, 0);
if (commands === 0) throw new Error('docs/operations.md has no section "Procedures" with commands');

const copy = copyOfProject();
try {
  for (const procedure of procedures) {
    for (const command of procedure.commands) {
      console.log(`\n${procedure.name}: $ ${command}`);
      const { status, signal } = spawnSync('bash', ['-euo', 'pipefail', '-c', command], {
        cwd: copy,
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: DEADLINE_MS,
      });
      if (status !== 0) throw new Error(`${procedure.name}: ended with ${status ?? signal}: ${command}`);
    }
  }
  const leftOut = procedures.reduce((sum, procedure) => sum + procedure.leftOut, 0);
  console.log(
    `\n${procedures.length} procedures, ${commands} commands executed, ${leftOut} that need an account or the network left out`,
  );
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
