import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadHandlers } from '../../../bridge/handlers/load.ts';
import { SILENT } from '../scripted-gateway.ts';

describe('loading handler modules', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-handlers-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function load(modules: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(modules)) await writeFile(join(directory, name), text);
    return loadHandlers(Object.keys(modules), { directory, log: SILENT, reserved: ['recorder'] });
  }

  it('takes a handler or a function that returns one', async () => {
    const handlers = await load({
      'plain.mjs': 'export default { name: "plain", lanes: ["poll"], handle() {} };',
      'made.mjs': 'export default async ({ log }) => ({ name: "made " + typeof log.info, handle() {} });',
    });
    expect(handlers.map((handler) => handler.name)).toEqual(['plain', 'made function']);
  });

  it('takes an instance of a class, with its methods', async () => {
    const [handler] = await load({
      'class.mjs': 'class H { name = "h"; seen = 0; handle() { this.seen += 1; } } export default new H();',
    });
    await handler?.handle({} as never);
    expect(handler).toMatchObject({ seen: 1 });
  });

  it('names every module at fault and what to do about it', async () => {
    const failure = await load({
      'good.mjs': 'export default { name: "good", handle() {} };',
      'empty.mjs': 'export const x = 1;',
      'lanes.mjs': 'export default { name: "lanes", lanes: ["tick"], handle: 1 };',
      'throws.mjs': 'export default () => { throw new Error("no key"); };',
      'syntax.mjs': 'export default {',
      'again.mjs': 'export default { name: "good", handle() {} };',
      'recorder.mjs': 'export default { name: "recorder", handle() {} };',
    }).catch((error: Error) => error.message.split('\n'));
    expect(failure).toEqual([
      expect.stringMatching(
        /^handler empty.mjs: its default export is not a handler: .* Export an object \{ name, handle/,
      ),
      expect.stringMatching(/^handler lanes.mjs: .*lanes.0: .*; handle: must be a function/),
      'handler throws.mjs: its factory failed: no key',
      expect.stringMatching(/^handler syntax.mjs: cannot be loaded from .*syntax.mjs: .* Check the path/),
      'two handlers are named "good": give each a name of its own',
      'two handlers are named "recorder": give each a name of its own',
    ]);
  });

  it('names a path that does not exist', async () => {
    await expect(loadHandlers(['gone.ts'], { directory, log: SILENT })).rejects.toThrow(
      /handler gone.ts: cannot be loaded from .*gone.ts/,
    );
  });
});
