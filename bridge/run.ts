import { mkdirSync } from 'node:fs';
import { startBridge } from './bridge.ts';
import { loadSettings } from './config.ts';
import { createLog } from './log.ts';

/** Exit codes: 0 stopped in order, 1 a fault after or during the start, 2 the settings. */
const FAILED = 1;
const MISCONFIGURED = 2;

/** The cloud of a local run went with its runner: nothing can be flushed, and what was accepted is on disk. */
const ORPHAN_MAX_MS = 2_000;

/**
 * The bridge as a process. Stops in order on SIGINT, SIGTERM, or, as the child of a runner, on `{ type: 'stop' }` or
 * when the channel to it closes: no bridge outlives its runner.
 * @param options.file the settings file; SLOTWISE_* in the environment wins
 * @returns the exit code
 */
export async function runBridge(options: { readonly file?: string } = {}): Promise<number> {
  let settings: ReturnType<typeof loadSettings>;
  try {
    settings = loadSettings({ env: process.env, ...options });
  } catch (cause) {
    process.stderr.write(`${(cause as Error).message}\n`);
    return MISCONFIGURED;
  }
  mkdirSync(settings.stateDir, { recursive: true, mode: 0o700 });
  const log = createLog({ destination: process.stdout, bridge: settings.bridge });
  const stopping = stopRequest();
  try {
    await using bridge = await startBridge({ settings, log });
    process.send?.({ type: 'listening', statusUrl: bridge.statusUrl });
    log.info('bridge-started', { statusUrl: bridge.statusUrl });
    const reason = await Promise.race([stopping, bridge.failed]);
    if (reason instanceof Error) {
      log.error('bridge-failed', { fault: reason.message });
      return FAILED;
    }
    log.info('bridge-stopping', { reason });
  } catch (cause) {
    log.error('bridge-failed', { fault: (cause as Error).message });
    return FAILED;
  }
  log.info('bridge-stopped');
  return 0;
}

/** @returns what asked for the end; the signals stay caught, so that a second Ctrl-C does not cut the shutdown short */
function stopRequest(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  process.on('SIGINT', () => resolve('SIGINT'));
  process.on('SIGTERM', () => resolve('SIGTERM'));
  process.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') {
      resolve('asked to stop');
    }
  });
  process.on('disconnect', () => {
    resolve('the runner is gone');
    setTimeout(() => process.exit(FAILED), ORPHAN_MAX_MS).unref();
  });
  return promise;
}
