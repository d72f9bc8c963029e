import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run check:service`: the units as systemd itself reads them, and the host's scripts as shellcheck does where it is
 * installed. Needs systemd-analyze of systemd 250 or newer, and no systemd that runs.
 * https://www.freedesktop.org/software/systemd/man/latest/systemd-analyze.html
 */
const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const BRIDGE = 'bridge/service/slotwise-bridge@.service';
const GATEWAY = 'infra/host/ib-gateway.service';

/** Commands are looked for, so they are where they can be found here. */
const ELSEWHERE: readonly (readonly [string, string])[] = [
  ['/opt/slotwise', project],
  ['/usr/bin/docker', '/bin/true'],
];

/** Tenths of the exposure level. 13 with systemd 252: network, a child that speaks, V8, no root directory of its own. */
const EXPOSURE_MAX = '15';

const directory = mkdtempSync(join(tmpdir(), 'slotwise-service-'));
try {
  for (const unit of [BRIDGE, GATEWAY].map(placed)) {
    // A key that systemd does not know is only said.
    const { said } = run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', unit);
    if (said !== '') fail(said);
  }
  const threshold = `--threshold=${EXPOSURE_MAX}`;
  const { said, status } = run(
    'systemd-analyze',
    'security',
    '--offline=true',
    '--no-pager',
    threshold,
    placed(BRIDGE),
  );
  const left = said.split('\n').filter((line) => /^[✗→]/u.test(line));
  process.stdout.write(`${left.join('\n')}\n`);
  if (status !== 0) fail(`the unit is more exposed than ${EXPOSURE_MAX} tenths`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

if (spawnSync('shellcheck', ['--version']).error === undefined) {
  const { said } = run(
    'shellcheck',
    ...globSync('infra/host/*.sh', { cwd: project }).map((file) => join(project, file)),
  );
  if (said !== '') fail(said);
} else {
  process.stdout.write('shellcheck is left out: it is not installed\n');
}

/** @returns a copy of the unit whose commands are here */
function placed(unit: string): string {
  const copy = join(directory, basename(unit));
  const text = readFileSync(join(project, unit), 'utf8');
  writeFileSync(
    copy,
    ELSEWHERE.reduce((changed, [there, here]) => changed.replaceAll(there, here), text),
  );
  return copy;
}

function run(
  command: string,
  ...args: readonly string[]
): { readonly said: string; readonly status: number | null } {
  const { error, stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) {
    fail(`${command} cannot be run (${error.message}): install the package systemd`);
    return { said: '', status: 1 };
  }
  const said = `${stdout}${stderr}`.trim();
  if (status !== 0 && said === '') fail(`${command} ${args.join(' ')}: exit code ${status}`);
  return { said, status };
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
