import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { synthesize } from '../../infra/synth.ts';
import { temporaryDirectory } from '../local/aws/support/temporary.ts';

describe('a synthesis', () => {
  it('has its templates validated for a deployment, and not for a run on this machine', () => {
    using directory = temporaryDirectory();
    const isValidated = (runsHere: boolean) => {
      const outdir = join(directory.path, String(runsHere));
      synthesize({ outdir, runsHere, bundles: false });
      return existsSync(join(outdir, 'validation-report.json'));
    };
    expect(isValidated(false)).toBe(true);
    expect(isValidated(true)).toBe(false);
  });
});
