import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SettingOverrides } from '../../infra/settings.ts';

const MAIN = fileURLToPath(new URL('./synthesis-main.ts', import.meta.url));
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Writes the cloud assembly of the stacks: templates and bundled handlers, the very ones that a deployment ships.
 * @param options.overrides beside those of cdk.json
 * @throws Error with what the synthesis said last, and the signal's reason
 */
export async function synthesizeInto(
  outdir: string,
  { overrides = {}, signal }: { readonly overrides?: SettingOverrides; readonly signal: AbortSignal },
): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, [MAIN, outdir, JSON.stringify(overrides)], {
      signal,
      maxBuffer: OUTPUT_MAX_BYTES,
    });
  } catch (cause) {
    signal.throwIfAborted();
    const { stderr = '' } = cause as { stderr?: string };
    const said = stderr.split('\n').find((line) => /Error\b/.test(line)) ?? (cause as Error).message;
    throw new Error(`the stacks cannot be synthesized: ${said.trim()}`, { cause });
  }
}
