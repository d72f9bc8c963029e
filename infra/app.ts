import process from 'node:process';
import { synthesize } from './synth.ts';

/**
 * The CDK app, run by `npx cdk synth` or alone as `node infra/app.ts`. CDK_OUTDIR names the directory,
 * CDK_CONTEXT_JSON adds to the context of cdk.json; the CDK command line sets both.
 */
synthesize({ outdir: process.env.CDK_OUTDIR ?? 'cdk.out' });
