import { setTimeout as delay } from 'node:timers/promises';
import type { RegistryStore } from '../../cli/registry/store.ts';
import { activeContracts } from '../../shared/replica.ts';
import { isActive } from '../../shared/strategy.ts';
import type { SimulatedGateway } from '../gateway/gateway.ts';
import { demonstrate, demonstrationTiming, flip } from './demonstration.ts';
import type { RegistrySwitch } from './registry-switch.ts';

const STREAMING_DEADLINE_MS = 30_000;
const STREAMING_POLL_MS = 100;

/**
 * What happens to the registry while a simulated run goes on: the changes that were asked for, or the demonstration.
 * @returns when the changes are made; a demonstration goes on until the signal aborts
 */
export async function runActivity(options: {
  readonly gateway: SimulatedGateway;
  readonly store: RegistryStore;
  readonly registry: RegistrySwitch;
  readonly flips: number;
  readonly forMs: number | undefined;
  readonly random: () => number;
  readonly say: (news: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { store, flips, forMs, signal } = options;
  const active = async () => (await store.list()).filter(isActive);
  await untilStreaming({ ...options, deadlineMs: STREAMING_DEADLINE_MS });
  if (flips > 0) return flip({ ...options, active });
  await demonstrate({ ...options, active, timing: demonstrationTiming(forMs), signal });
}

/** Waits for a steady state: the lines of all active legs stream, or will not by the deadline. */
export async function untilStreaming(options: {
  readonly gateway: SimulatedGateway;
  readonly store: RegistryStore;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}): Promise<void> {
  const { gateway, store, deadlineMs, signal } = options;
  const wanted = activeContracts(await store.list()).size;
  const endMs = performance.now() + deadlineMs;
  while (gateway.stats().lines.streaming < wanted && performance.now() < endMs) {
    await delay(STREAMING_POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}
