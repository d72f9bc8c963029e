import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { type SynthesizeOptions, synthesize } from '../../infra/synth.ts';

export interface Synthesized extends Disposable {
  readonly directory: string;
  readonly state: Template;
  readonly ingest: Template;
  readonly feed: Template;
  readonly bridgeAccess: Template;
  readonly observability: Template;
  readonly catalog: Template;
  /** In the order of deployment. */
  readonly all: readonly Template[];
}

/** The app as it is deployed, in a directory that goes with it; without bundles, unless the options want them. */
export function synthesized(options: Omit<SynthesizeOptions, 'outdir'> = {}): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'slotwise-synth-'));
  const { directory, stacks } = synthesize({ outdir, bundles: false, ...options });
  const templates = new Map(
    stacks.map(({ name, templateFile }) => [
      name,
      Template.fromJSON(JSON.parse(readFileSync(templateFile, 'utf8'))),
    ]),
  );
  const named = (name: string): Template => {
    const template = templates.get(name);
    if (template === undefined) throw new Error(`there is no stack ${name}`);
    return template;
  };
  return {
    directory,
    state: named('SlotwiseState'),
    ingest: named('SlotwiseIngest'),
    feed: named('SlotwiseFeed'),
    bridgeAccess: named('SlotwiseBridgeAccess'),
    observability: named('SlotwiseObservability'),
    catalog: named('SlotwiseCatalog'),
    all: [...templates.values()],
    [Symbol.dispose]: () => rmSync(outdir, { recursive: true, force: true }),
  };
}
