import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type SynthesizeOptions, synthesize } from '../../infra/synth.ts';

/**
 * `npm run lint:cfn`: cfn-lint over every template, in a virtual environment of its own below `.build/`. Needs Python
 * 3.10 with pip, and PyPI the first time; cfn-lint itself asks no network. Its exit code is this one's.
 */
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const environment = here('../../.build/cfn-lint');
const python = join(environment, 'bin', 'python');
const inherit = { stdio: 'inherit' } as const;

/** What cdk.json makes, and what its settings can add to it or take from it. */
const VARIANTS: Readonly<Record<string, Omit<SynthesizeOptions, 'outdir'>>> = {
  installed: {},
  other: {
    bridges: ['home', 'cloud'],
    overrides: { architecture: 'x86_64', alarmEmail: 'trader@example.com', keepState: false },
  },
};

if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', environment], inherit);
const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
execFileSync(python, [...install, '-r', here('requirements.txt')], inherit);

const directory = mkdtempSync(join(tmpdir(), 'slotwise-lint-'));
try {
  const templates = Object.entries(VARIANTS).flatMap(([name, options]) => {
    // A template knows machine code by a hash alone: that of this machine needs no download.
    const { stacks } = synthesize({
      ...options,
      outdir: join(directory, name),
      runsHere: true,
      bundles: false,
    });
    return stacks.map(({ templateFile }) => templateFile);
  });
  const { status } = spawnSync(join(environment, 'bin', 'cfn-lint'), ['--', ...templates], inherit);
  process.exitCode = status ?? 1;
  process.stdout.write(`cfn-lint: ${templates.length} templates, exit code ${process.exitCode}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
