import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { type SynthesizeOptions, synthesize } from '../../infra/synth.ts';

export interface Synthesized extends Disposable {
  readonly directory: string;
  readonly state: Template;
  readonly processing: Template;
  readonly observability: Template;
}

/** The app as it is deployed, in a directory that goes with it; without bundles, unless the options want them. */
export function synthesized(options: Omit<SynthesizeOptions, 'outdir'> = {}): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'slotwise-synth-'));
  const { directory, stacks } = synthesize({ outdir, bundles: false, ...options });
  const [state, processing, observability] = stacks.map(({ templateFile }) =>
    Template.fromJSON(JSON.parse(readFileSync(templateFile, 'utf8'))),
  );
  if (state === undefined || processing === undefined || observability === undefined) {
    throw new Error('three stacks are expected');
  }
  return {
    directory,
    state,
    processing,
    observability,
    [Symbol.dispose]: () => rmSync(outdir, { recursive: true, force: true }),
  };
}
