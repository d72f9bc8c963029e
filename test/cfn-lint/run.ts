import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { initAuthority } from '../../cli/certs/store.ts';
import { type SynthesizeOptions, synthesize } from '../../infra/synth.ts';

/**
 * `npm run lint:cfn`: cfn-lint over every template, in a virtual environment of its own below `.build/`. Needs Python
 * 3.10 with pip, and PyPI the first time; cfn-lint itself asks no network. Its exit code is this one's.
 */
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const environment = here('../../.build/cfn-lint');
const python = join(environment, 'bin', 'python');
const inherit = { stdio: 'inherit' } as const;

if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', environment], inherit);
const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
execFileSync(python, [...install, '-r', here('requirements.txt')], inherit);

const directory = mkdtempSync(join(tmpdir(), 'slotwise-lint-'));
try {
  const { files } = await initAuthority(directory, new Date());
  /** What cdk.json makes, and all that its settings can add to it or take from it. */
  const variants: Readonly<Record<string, Omit<SynthesizeOptions, 'outdir'>>> = {
    installed: {},
    other: {
      bridges: ['home', 'cloud'],
      overrides: {
        architecture: 'x86_64',
        alarmEmail: 'trader@example.com',
        bridgeAccess: { caCertificate: files.certificate, sourceIps: ['203.0.113.7/32'] },
        keyArn: 'arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
        keepState: false,
        host: { bridge: 'cloud' },
      },
    },
  };
  const templates = Object.entries(variants).flatMap(([name, options]) => {
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
