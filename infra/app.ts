import process from 'node:process';
import { SettingFault } from './settings.ts';
import { synthesize } from './synth.ts';

/**
 * The CDK app, run by `npx cdk synth` or alone as `node infra/app.ts`. CDK_OUTDIR names the directory,
 * CDK_CONTEXT_JSON adds to the context of cdk.json; the CDK command line sets both.
 */
try {
  synthesize({ outdir: process.env.CDK_OUTDIR ?? 'cdk.out' });
} catch (fault) {
  if (!(fault instanceof SettingFault)) throw fault;
  process.stderr.write(`${fault.message}\n`);
  process.exitCode = 1;
}
