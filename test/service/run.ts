import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run check:service`: the bridge's unit as systemd itself reads it. Needs systemd-analyze of systemd 250 or newer,
 * and no systemd that runs. https://www.freedesktop.org/software/systemd/man/latest/systemd-analyze.html
 */
const project = fileURLToPath(new URL('../..', import.meta.url));
const UNIT = 'slotwise-bridge@.service';

/** Where the unit expects this directory. */
const INSTALLED = '/opt/slotwise';

/** Tenths of the exposure level. 13 with systemd 252: network, a child that speaks, V8, no root directory of its own. */
const EXPOSURE_MAX = '15';

const directory = mkdtempSync(join(tmpdir(), 'slotwise-service-'));
try {
  const unit = join(directory, UNIT);
  const text = readFileSync(join(project, 'bridge/service', UNIT), 'utf8');
  // Commands are looked for, so they are looked for here.
  writeFileSync(unit, text.replaceAll(INSTALLED, project.replace(/\/$/, '')));
  // A key that systemd does not know is only said.
  const { said } = analyze('verify', '--man=no', '--recursive-errors=no', unit);
  if (said !== '') fail(said);
  const { said: exposure, status } = analyze(
    'security',
    '--offline=true',
    '--no-pager',
    `--threshold=${EXPOSURE_MAX}`,
    unit,
  );
  process.stdout.write(
    exposure
      .split('\n')
      .filter((line) => /^[✗→]/u.test(line))
      .join('\n')
      .concat('\n'),
  );
  if (status !== 0) fail(`the unit is more exposed than ${EXPOSURE_MAX} tenths`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function analyze(...args: readonly string[]): { readonly said: string; readonly status: number | null } {
  const { error, stdout, stderr, status } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  if (error !== undefined) {
    fail(`systemd-analyze cannot be run (${error.message}): install the package systemd`);
    return { said: '', status: 1 };
  }
  const said = `${stdout}${stderr}`.trim();
  if (status !== 0 && said === '') fail(`systemd-analyze ${args.join(' ')}: exit code ${status}`);
  return { said, status };
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
