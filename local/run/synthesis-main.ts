import { readFileSync } from 'node:fs';
import { CONTEXT, type SettingOverrides } from '../../infra/settings.ts';
import { synthesize } from '../../infra/synth.ts';

/**
 * Process edge of a synthesis: a process of its own, because aws-cdk-lib would stay in the memory of a run that may
 * last for months. Functions are bundled for this machine, whose workers execute them.
 */
const [outdir, overrides = '{}'] = process.argv.slice(2);
if (outdir === undefined) throw new Error('usage: synthesis-main.ts <directory> [<overrides as JSON>]');

const project = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as {
  context?: Record<string, SettingOverrides | undefined>;
};
synthesize({
  outdir,
  overrides: {
    ...project.context?.[CONTEXT.settings],
    ...(JSON.parse(overrides) as SettingOverrides),
    architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64',
  },
  runsHere: true,
});
