import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type BridgeEnd, BridgeProcess } from '../../local/run/bridge-process.ts';
import { type BridgeStatus, bridgeStatusSchema } from '../../shared/status.ts';
import { eventually } from '../support/eventually.ts';
import type { Deployment } from './running.ts';

/** A bridge as a process of its own: what a signal, a full disk or a torn file ends is it and not the test. */
export interface BridgeChild {
  readonly ended: Promise<BridgeEnd>;
  kill(): void;
  requestStop(): void;
  /** Until it listens and its status is as wanted. */
  until(check: (status: BridgeStatus) => boolean, what: string): Promise<BridgeStatus>;
  /** What it has logged so far; a full disk may have cut an entry. */
  logged(): Record<string, unknown>[];
}

/** Starts it; it is gone when the test is over. */
export function startChild(
  { directory, environment }: Deployment,
  options: { readonly logFile: string; readonly settings: Readonly<Record<string, string>> },
): BridgeChild {
  const bridge = BridgeProcess.spawn({
    logFile: options.logFile,
    environment: {
      PATH: process.env.PATH,
      ...environment,
      SLOTWISE_OUTPUTS: join(directory, 'slotwise.outputs.json'),
      ...options.settings,
    },
  });
  onTestFinished(async () => {
    bridge.kill();
    await bridge.ended;
  });
  return {
    ended: bridge.ended,
    kill: () => bridge.kill(),
    requestStop: () => bridge.requestStop(),
    until: async (check, what) => {
      const url = await bridge.listening;
      const status = async () => {
        const now = bridgeStatusSchema.parse(await (await fetch(`${url}/status.json`)).json());
        return check(now) ? now : undefined;
      };
      return eventually(status, { what });
    },
    logged: () =>
      readFileSync(options.logFile, 'utf8')
        .split('\n')
        .flatMap((line) => {
          try {
            return [JSON.parse(line) as Record<string, unknown>];
          } catch {
            return [];
          }
        }),
  };
}
