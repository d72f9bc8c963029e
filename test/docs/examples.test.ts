import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { settingsSchema } from '../../bridge/settings-schema.ts';
import { parseInputs } from '../../cli/registry/input.ts';
import { CONTEXT, settingsOf } from '../../infra/settings.ts';
import { fencedBlocks, readPage } from './page.ts';

const contextSchema = z.strictObject({
  [CONTEXT.bridges]: z.unknown().optional(),
  [CONTEXT.settings]: z.unknown().optional(),
});

describe('an example in the documentation', () => {
  it('of strategies is taken by `slotwise registry put`', () => {
    for (const path of ['README.md', 'docs/deployment.md']) {
      const examples = fencedBlocks(readPage(path), 'json').filter((text) => text.includes('"legs"'));
      expect(examples.length, path).toBeGreaterThan(0);
      for (const text of examples) expect(() => parseInputs(text, path)).not.toThrow();
    }
  });

  it('of cdk.json is taken by the CDK app, and the whole list of settings is that of the defaults', () => {
    const examples = fencedBlocks(readPage('docs/deployment.md'), 'json')
      .filter((text) => text.includes('slotwise:'))
      .map((text) => contextSchema.parse(JSON.parse(text)));
    const settings = examples.map((context) =>
      settingsOf({
        bridges: context[CONTEXT.bridges] ?? ['home'],
        overrides: context[CONTEXT.settings],
      }),
    );
    const { bridges: _, runsHere: _here, ...defaults } = settingsOf({ bridges: ['home'] });
    expect(settings).toHaveLength(2);
    expect(examples[1]?.[CONTEXT.settings]).toEqual(defaults);
  });

  it('of the bridge’s settings file is taken by the bridge', () => {
    const examples = fencedBlocks(readPage('docs/settings.md'), 'json');
    expect(examples).toHaveLength(1);
    for (const text of examples) expect(() => settingsSchema.parse(JSON.parse(text))).not.toThrow();
  });
});
