import { startBridge } from './bridge.ts';
import { loadSettings } from './config.ts';
import { createLog, standardOutput } from './log.ts';
import { OutboxFault } from './outbox/fault.ts';
import { serviceManagerOf } from './service/manager.ts';
import { Supervision } from './service/supervision.ts';

/** Exit codes: 0 stopped in order, 1 a fault after or during the start, 2 the settings, or a directory of another. */
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
  const log = createLog({ destination: standardOutput(), bridge: settings.bridge });
  const stopping = stopRequest();
  const abort = new AbortController();
  void stopping.then((reason) => abort.abort(reason));
  const manager = serviceManagerOf(process.env, process.pid);
  using supervision = manager && new Supervision({ manager, log, sweep: settings.sweep });
  supervision?.start();
  try {
    await using bridge = await startBridge({ settings, log, signal: abort.signal });
    process.send?.({ type: 'listening', statusUrl: bridge.statusUrl });
    log.info('bridge-started', { statusUrl: bridge.statusUrl });
    supervision?.ready(bridge);
    const reason = await Promise.race([stopping, bridge.failed]);
    supervision?.stopping(String(reason));
    if (reason instanceof Error) {
      log.error('bridge-failed', { fault: reason.message });
      return FAILED;
    }
    log.info('bridge-stopping', { reason });
  } catch (cause) {
    if (!abort.signal.aborted || cause !== abort.signal.reason) {
      log.error('bridge-failed', { fault: (cause as Error).message });
      const isOurs = !(cause instanceof OutboxFault) || cause.disposition !== 'unusable';
      return isOurs ? FAILED : MISCONFIGURED;
    }
    log.info('bridge-stopping', { reason: cause });
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
