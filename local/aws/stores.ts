import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { CloudLog, LocalStores, StoresOptions } from './cloud-types.ts';
import { EmbeddedStores } from './embedded-stores.ts';

/** In the state directory: what a later `openStores` cannot read off the emulators' own files. */
const FILE = 'stores.json';

const fileSchema = z.object({
  region: z.string(),
  /** Where the queue URLs among the outputs began. */
  sqsOrigin: z.string(),
  outputs: z.record(z.string(), z.record(z.string(), z.string())),
});

export const SILENT: CloudLog = { info: () => {}, warn: () => {} };

/**
 * Opens what an earlier run left in its state directory, without triggers and functions, so that command-line tools
 * work after the run has ended. The caller holds the directory's lock: no two may open it at once.
 * @throws Error when no run has been here
 */
export async function openStores(options: StoresOptions): Promise<LocalStores> {
  const kept = read(options.dir);
  const stores = await EmbeddedStores.open({
    dir: options.dir,
    region: kept.region,
    log: options.log ?? SILENT,
  });
  stores.outputsText = JSON.stringify(kept.outputs, undefined, 2).replaceAll(
    `${kept.sqsOrigin}/`,
    `${stores.endpoints.sqs}/`,
  );
  return stores;
}

/** Called by the run that made them. */
export function keepForLater(
  dir: string,
  stores: EmbeddedStores,
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>>,
): void {
  const content = { region: stores.region, sqsOrigin: stores.endpoints.sqs, outputs };
  writeFileSync(join(dir, FILE), JSON.stringify(content, undefined, 2), { mode: 0o600 });
}

function read(dir: string): z.infer<typeof fileSchema> {
  let text: string;
  try {
    text = readFileSync(join(dir, FILE), 'utf8');
  } catch (cause) {
    throw new Error(`${dir} holds no embedded cloud: run "npm start" first, or name its state directory`, {
      cause,
    });
  }
  return fileSchema.parse(JSON.parse(text));
}
