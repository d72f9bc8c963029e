import { setTimeout as delay } from 'node:timers/promises';
import type { Strategy } from '../../shared/strategy.ts';
import type { RegistrySwitch, SwitchOutcome } from './registry-switch.ts';

/** The strategies whose legs stream: what a demonstration may switch off and on again. */
export type ActiveStrategies = () => Promise<readonly Strategy[]>;

export interface DemonstrationTiming {
  readonly firstAfterMs: number;
  readonly offMs: number;
  readonly everyMs: number;
}

const TIMING: DemonstrationTiming = { firstAfterMs: 10_000, offMs: 5000, everyMs: 300_000 };

/** A short run sees the whole of it too: the strategy is on again well before the end. */
export function demonstrationTiming(forMs: number | undefined): DemonstrationTiming {
  const quarterMs = forMs === undefined ? Number.POSITIVE_INFINITY : forMs / 4;
  return {
    ...TIMING,
    firstAfterMs: Math.min(TIMING.firstAfterMs, quarterMs),
    offMs: Math.min(TIMING.offMs, quarterMs),
  };
}

/**
 * Switches one strategy off, shows that its lines are free, and switches it on again; then the next one, and so on
 * until the signal aborts.
 */
export async function demonstrate(options: {
  readonly registry: RegistrySwitch;
  readonly active: ActiveStrategies;
  readonly timing: DemonstrationTiming;
  readonly say: (news: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { registry, active, timing, say, signal } = options;
  await delay(timing.firstAfterMs, undefined, { signal });
  for (let turn = 0; ; turn += 1) {
    const strategies = await active();
    const strategy = strategies[turn % Math.max(1, strategies.length)];
    if (strategy !== undefined) {
      say(outcomeText('off', await registry.switch(strategy.id, 'INACTIVE', signal)));
      await delay(timing.offMs, undefined, { signal });
      say(outcomeText('on again', await registry.switch(strategy.id, 'ACTIVE', signal)));
    }
    await delay(timing.everyMs, undefined, { signal });
  }
}

const PAUSE_MIN_MS = 50;
const PAUSE_SPREAD_MS = 200;

/**
 * Makes `flips` changes, one after the other: each active strategy in turn off, then on again. The pause between two
 * is random, so that no period of the bridge falls in step with them.
 * @param random uniform in [0, 1)
 */
export async function flip(options: {
  readonly registry: RegistrySwitch;
  readonly active: ActiveStrategies;
  readonly flips: number;
  readonly random: () => number;
  readonly say: (news: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { registry, active, flips, random, say, signal } = options;
  const strategies = await active();
  if (strategies.length === 0) return say('no registry changes made: no strategy is active');
  const said = Math.max(1, Math.floor(flips / 10));
  for (let made = 0; made < flips; made += 1) {
    const strategy = strategies[Math.floor(made / 2) % strategies.length];
    if (strategy === undefined) break;
    const outcome = await registry.switch(strategy.id, made % 2 === 0 ? 'INACTIVE' : 'ACTIVE', signal);
    if (outcome.isLate) say(outcomeText(made % 2 === 0 ? 'off' : 'on', outcome));
    else if ((made + 1) % said === 0) say(`${made + 1} of ${flips} registry changes made`);
    await delay(PAUSE_MIN_MS + random() * PAUSE_SPREAD_MS, undefined, { signal });
  }
}

function outcomeText(what: string, outcome: SwitchOutcome): string {
  const { strategy, opened, freed, latencyMs, isLate } = outcome;
  const lines = opened > 0 ? `${opened} lines asked for` : `${freed} lines let go`;
  if (latencyMs === undefined) return `${strategy.id} switched ${what}: no line changes hands`;
  if (isLate) return `${strategy.id} switched ${what}: the gateway has not seen it within ${latencyMs} ms`;
  return `${strategy.id} switched ${what}: ${lines} on the gateway's socket after ${Math.round(latencyMs)} ms`;
}
