import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import {
  type CallUsage,
  type InvocationUsage,
  PHASES,
  type PhaseName,
  type PhaseUsage,
  parseUsage,
  type Standing,
  type Usage,
} from '../../shared/usage.ts';
import type { Call } from './access.ts';
import type { EmulatorRequest, EmulatorResponse } from './emulators.ts';
import { sentBodies, usageOf } from './usage-of.ts';

/** The run's own calls are no part of what anybody pays. */
const OWN_PRINCIPAL = 'local-run';
/** Kinds of calls that are told apart; of more only the sum is kept. */
const KINDS_MAX = 500;
const OTHERS = 'others';
const WRITE_PERIOD_MS = 1000;
/** A sweep is stored this long after the window of the function that stores it. */
const SETTLE_MS = 20_000;
/** In a directory that has its positions already no sweep says that a run has begun. */
const STARTUP_MAX_MS = 120_000;

export interface MeterOptions {
  readonly file: string;
  readonly standing: Standing;
  /** Longest window in which a function collects its batch. */
  readonly windowMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

const sweptSchema = z.object({
  kind: z.string(),
  lane: z.string().optional(),
  reason: z.string().optional(),
  sweepId: z.string().optional(),
});

type Swept = z.infer<typeof sweptSchema>;

/**
 * Counts what a run uses of AWS, apart by phase, so that what comes once is not taken for what goes on. The sums are
 * written once a second: a kill -9 loses as much, and the next run in the directory goes on with them.
 */
export class Meter {
  readonly #options: Required<MeterOptions>;
  readonly #phases: Record<PhaseName, Phase>;
  readonly #startedAt: string;
  #phase: PhaseName = 'startup';
  #phaseEndsMs: number;
  #accountedMs: number;
  #sweep: { readonly id: string; readonly contracts: number } | undefined;
  #contracts: number;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(options: MeterOptions) {
    this.#options = { now: () => performance.now(), ...options };
    const kept = read(options.file);
    this.#phases = {
      startup: new Phase(kept?.phases.startup),
      steady: new Phase(kept?.phases.steady),
      keyframe: new Phase(kept?.phases.keyframe),
    };
    this.#startedAt = kept?.startedAt ?? new Date().toISOString();
    this.#contracts = kept?.contracts ?? 0;
    this.#accountedMs = this.#options.now();
    this.#phaseEndsMs = this.#accountedMs + STARTUP_MAX_MS;
    this.#phases.startup.times += 1;
  }

  start(): void {
    this.#write();
    this.#timer = setInterval(() => this.#write(), WRITE_PERIOD_MS);
    this.#timer.unref();
  }

  /** What comes now is the end of the run and no part of a month. */
  stop(): void {
    if (this.#isEnded) return;
    clearInterval(this.#timer);
    this.#write();
    this.#isEnded = true;
  }

  call(call: Call, request: EmulatorRequest, response: EmulatorResponse): void {
    if (this.#isEnded || call.principal === OWN_PRINCIPAL) return;
    const usage = usageOf(call, request, response);
    if (usage === undefined) return;
    this.#account();
    for (const body of sentBodies(call, request)) this.#message(body);
    this.#current.call({ ...usage, component: componentOf(usage.component) });
  }

  invoked(usage: Omit<InvocationUsage, 'invocations' | 'logBytes'>): void {
    this.#invocation({ ...usage, invocations: 1, logBytes: 0 });
  }

  logged(component: string, logBytes: number): void {
    this.#invocation({ component, logBytes, invocations: 0, durationMs: 0, memoryMb: 0 });
  }

  usage(): Usage {
    this.#account();
    return {
      schema: 1,
      startedAt: this.#startedAt,
      updatedAt: new Date().toISOString(),
      contracts: this.#contracts,
      standing: this.#options.standing,
      phases: Object.fromEntries(PHASES.map((name) => [name, this.#phases[name].usage()])) as Usage['phases'],
    };
  }

  get #current(): Phase {
    return this.#phases[this.#phase];
  }

  #invocation(usage: InvocationUsage): void {
    if (this.#isEnded) return;
    this.#account();
    this.#current.invocation(usage);
  }

  /** Time that has passed belongs to the phase that it passed in. */
  #account(): void {
    if (this.#isEnded) return;
    const nowMs = this.#options.now();
    const endMs =
      this.#phase === 'steady' ? nowMs : Math.max(this.#accountedMs, Math.min(nowMs, this.#phaseEndsMs));
    this.#current.durationMs += endMs - this.#accountedMs;
    this.#accountedMs = endMs;
    if (this.#phase === 'steady' || nowMs < this.#phaseEndsMs) return;
    this.#phase = 'steady';
    this.#account();
  }

  #message(body: string): void {
    const message = sweptOf(body);
    if (message === undefined) return;
    this.#sweepMessage(message);
    const { kind, lane, reason } = message;
    this.#current.message([kind, lane, reason].filter((part) => part !== undefined).join(' '));
  }

  /** A sweep that records every position has begun, or goes on. */
  #sweepMessage({ reason, sweepId }: Swept): void {
    const isWhole = reason === 'keyframe' || (reason === 'opened' && this.#phase === 'startup');
    if (!isWhole || sweepId === undefined) return;
    const isNew = this.#sweep?.id !== sweepId;
    // The first sweep of a run opens what it finds; what opens in a later one is the market's.
    if (reason === 'opened' && isNew && this.#sweep !== undefined) return;
    this.#sweep = { id: sweepId, contracts: isNew ? 1 : (this.#sweep?.contracts ?? 0) + 1 };
    this.#contracts = Math.max(this.#contracts, this.#sweep.contracts);
    if (this.#phase !== 'startup') {
      this.#phase = 'keyframe';
      if (isNew) this.#current.times += 1;
    }
    this.#phaseEndsMs = this.#options.now() + this.#options.windowMs + SETTLE_MS;
  }

  #write(): void {
    if (this.#isEnded) return;
    const { file } = this.#options;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(this.usage()), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

/** @returns what a role belongs to: `drain` of `SlotwiseProcessing-DrainRole1A2B3C4D`; other callers keep their name */
export function componentOf(principal: string): string {
  const logical = /-([A-Za-z]+)Role[0-9A-F]{8}$/.exec(principal)?.[1];
  if (logical === undefined) return principal;
  return logical.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Sums of one phase. */
class Phase {
  durationMs: number;
  times: number;
  readonly #calls = new Map<string, Mutable<CallUsage>>();
  readonly #invocations = new Map<string, Mutable<InvocationUsage>>();
  readonly #messages = new Map<string, number>();

  constructor(kept: PhaseUsage | undefined) {
    this.durationMs = kept?.durationMs ?? 0;
    this.times = kept?.times ?? 0;
    for (const usage of kept?.calls ?? []) this.call(usage);
    for (const usage of kept?.invocations ?? []) this.invocation(usage);
    for (const [kind, count] of Object.entries(kept?.messages ?? {})) this.#messages.set(kind, count);
  }

  call(usage: CallUsage): void {
    const key = `${usage.component} ${usage.service} ${usage.operation} ${usage.resource}`;
    const sum = this.#calls.get(key);
    if (sum !== undefined) {
      for (const field of CALL_SUMS) sum[field] += usage[field];
    } else if (this.#calls.size < KINDS_MAX || usage.resource === OTHERS) this.#calls.set(key, { ...usage });
    else this.call({ ...usage, component: OTHERS, resource: OTHERS });
  }

  invocation(usage: InvocationUsage): void {
    const sum = this.#invocations.get(usage.component);
    if (sum === undefined) {
      this.#invocations.set(usage.component, { ...usage });
      return;
    }
    for (const field of INVOCATION_SUMS) sum[field] += usage[field];
    sum.memoryMb = Math.max(sum.memoryMb, usage.memoryMb);
  }

  message(kind: string): void {
    this.#messages.set(kind, (this.#messages.get(kind) ?? 0) + 1);
  }

  usage(): PhaseUsage {
    return {
      durationMs: this.durationMs,
      times: this.times,
      calls: [...this.#calls.values()],
      invocations: [...this.#invocations.values()],
      messages: Object.fromEntries(this.#messages),
    };
  }
}

const CALL_SUMS = ['calls', 'requests', 'writeUnits', 'readUnits', 'bytesIn', 'bytesOut'] as const;
const INVOCATION_SUMS = ['invocations', 'durationMs', 'logBytes'] as const;

function sweptOf(body: string): Swept | undefined {
  try {
    return sweptSchema.parse(JSON.parse(body));
  } catch {
    // A message of the feed, or none of ours.
    return undefined;
  }
}

function read(file: string): Usage | undefined {
  try {
    return parseUsage(readFileSync(file, 'utf8'));
  } catch {
    // None yet, or of another version: counting begins anew.
    return undefined;
  }
}
