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
/** From the last message of a sweep until its full batches are stored. */
const SETTLE_MS = 20_000;
/** In a directory that has its positions already no sweep says that a run has begun; and perhaps nothing streams. */
const STARTUP_MAX_MS = 75_000;
/** From the first message of the recorder to the last of the same flush. */
const FLUSH_MS = 1000;
const MINUTE_MS = 60_000;

export interface MeterOptions {
  readonly file: string;
  readonly standing: Standing;
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
  /** The minute of the steady phase that is not over yet; a keyframe or the end of the run takes it away. */
  #minute = new Phase();
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
    this.#invocation({ component, logBytes, invocations: 0, records: 0, cpuMs: 0, memoryMb: 0 });
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
    return this.#phase === 'steady' ? this.#minute : this.#phases[this.#phase];
  }

  #invocation(usage: InvocationUsage): void {
    if (this.#isEnded) return;
    this.#account();
    this.#current.invocation(usage);
  }

  /** Time that has passed belongs to the phase that it passed in. */
  #account(): void {
    if (this.#isEnded) return;
    for (const nowMs = this.#options.now(); this.#accountedMs < nowMs; ) {
      const endsMs =
        this.#phase === 'steady'
          ? this.#accountedMs + MINUTE_MS - this.#minute.durationMs
          : this.#phaseEndsMs;
      const untilMs = Math.max(this.#accountedMs, Math.min(nowMs, endsMs));
      this.#current.durationMs += untilMs - this.#accountedMs;
      this.#accountedMs = untilMs;
      if (nowMs < endsMs) return;
      if (this.#phase === 'steady') this.#phases.steady.add(this.#minute.usage());
      this.#phase = 'steady';
      this.#minute = new Phase();
    }
  }

  #message(body: string): void {
    const message = sweptOf(body);
    if (message === undefined) return;
    this.#begin(message);
    const { kind, lane, reason } = message;
    this.#current.message([kind, lane, reason].filter((part) => part !== undefined).join(' '));
  }

  /** A sweep that records every position has begun, or goes on; or the first flush of the recorder ends the startup. */
  #begin({ lane, reason, sweepId }: Swept): void {
    const nowMs = this.#options.now();
    if (this.#phase === 'startup' && lane === 'stream' && this.#sweep !== undefined) {
      this.#phaseEndsMs = Math.min(this.#phaseEndsMs, nowMs + FLUSH_MS);
    }
    const isFirst = this.#phase === 'startup' && reason === 'opened';
    if (sweepId === undefined || !(reason === 'keyframe' || isFirst)) return;
    const isNew = this.#sweep?.id !== sweepId;
    // The first sweep of a run opens what it finds; what opens in a later one is the market's.
    if (isFirst && isNew && this.#sweep !== undefined) return;
    this.#sweep = { id: sweepId, contracts: isNew ? 1 : (this.#sweep?.contracts ?? 0) + 1 };
    this.#contracts = Math.max(this.#contracts, this.#sweep.contracts);
    if (this.#phase === 'startup') return;
    if (isNew) this.#phases.keyframe.times += 1;
    this.#phase = 'keyframe';
    this.#phaseEndsMs = nowMs + SETTLE_MS;
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
  durationMs = 0;
  times = 0;
  readonly #calls = new Map<string, Mutable<CallUsage>>();
  readonly #invocations = new Map<string, Mutable<InvocationUsage>>();
  readonly #messages = new Map<string, number>();

  constructor(kept?: PhaseUsage) {
    if (kept !== undefined) this.add(kept);
  }

  add(more: PhaseUsage): void {
    this.durationMs += more.durationMs;
    this.times += more.times;
    for (const usage of more.calls) this.call(usage);
    for (const usage of more.invocations) this.invocation(usage);
    for (const [kind, count] of Object.entries(more.messages)) this.message(kind, count);
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

  message(kind: string, count = 1): void {
    this.#messages.set(kind, (this.#messages.get(kind) ?? 0) + count);
  }

  usage(): PhaseUsage {
    return {
      durationMs: this.durationMs,
      times: this.times,
      calls: [...this.#calls.values()].map((sum) => ({ ...sum })),
      invocations: [...this.#invocations.values()].map((sum) => ({ ...sum })),
      messages: Object.fromEntries(this.#messages),
    };
  }
}

const CALL_SUMS = [
  'calls',
  'requests',
  'writeUnits',
  'readUnits',
  'bytesIn',
  'bytesOut',
  'messages',
] as const;
const INVOCATION_SUMS = ['invocations', 'records', 'cpuMs', 'logBytes'] as const;

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
