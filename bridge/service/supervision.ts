import type { BridgeStatus } from '../../shared/status.ts';
import type { Bridge } from '../bridge.ts';
import type { Log } from '../log.ts';
import { summaryOf } from '../status/summary.ts';
import { progressOf, type SweepProgress, standstillOf } from './liveness.ts';
import type { ServiceManager } from './manager.ts';

export interface SupervisionOptions {
  readonly manager: ServiceManager;
  readonly log: Log;
  readonly sweep: { readonly periodMs: number; readonly deadlineMs: number };
}

/** Three beats may be late or lost before the manager acts. */
const BEATS_PER_WATCHDOG = 4;

/** Without a watchdog only the line in `systemctl status` is kept current. */
const QUIET_BEAT_MS = 30_000;

/**
 * Tells the service manager how the bridge is: that it is up (with or without a gateway), and from then on that its
 * own loops live: this event loop by the beat itself, the outbox's thread by its answer, the sweeps by their end. A
 * gateway or a cloud that is away and a disk that is full end no beat: a new start would mend none of them.
 */
export class Supervision implements Disposable {
  readonly #options: SupervisionOptions;
  readonly #periodMs: number;
  #timer: NodeJS.Timeout | undefined;
  #bridge: Pick<Bridge, 'status'> | undefined;
  #isStopping = false;
  #isAsking = false;
  #progress: SweepProgress | undefined;
  /** One message after the other: each is a process of its own, and they could overtake each other. */
  #told: Promise<void> = Promise.resolve();
  /** What was said last of the bridge, and of the way to the manager. */
  #standstill: string | undefined;
  #fault: string | undefined;

  constructor(options: SupervisionOptions) {
    this.#options = options;
    const { watchdogMs } = options.manager;
    this.#periodMs = watchdogMs === undefined ? QUIET_BEAT_MS : watchdogMs / BEATS_PER_WATCHDOG;
  }

  /** Before the bridge starts, which may have to wait for its disk for as long as it takes. */
  start(): void {
    this.#timer = setInterval(() => void this.#beat(), this.#periodMs);
    void this.#beat();
  }

  /** The bridge is up. */
  ready(bridge: Pick<Bridge, 'status'>): void {
    this.#bridge = bridge;
    void this.#tell(['READY=1', 'STATUS=started']);
  }

  /** It goes down, in order: from here the manager's own deadline counts. */
  stopping(reason: string): void {
    this.#isStopping = true;
    clearInterval(this.#timer);
    void this.#tell(['STOPPING=1', `STATUS=stopping: ${reason}`]);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    if (this.#bridge === undefined) {
      const untilUs = BEATS_PER_WATCHDOG * this.#periodMs * 1000;
      await this.#tell([`EXTEND_TIMEOUT_USEC=${untilUs}`, 'STATUS=starting']);
      return;
    }
    if (this.#isAsking) {
      await this.#withhold("the outbox's thread does not answer");
      return;
    }
    const status = await this.#ask(this.#bridge);
    if (status === undefined || this.#isStopping) return;
    const tick = performance.now();
    this.#progress = progressOf(this.#progress, status, tick);
    const standstill = standstillOf(this.#progress, tick, this.#options.sweep);
    if (standstill !== undefined) {
      await this.#withhold(standstill);
      return;
    }
    this.#standstill = undefined;
    await this.#tell(['WATCHDOG=1', `STATUS=${summaryOf(status)}`]);
  }

  /** @returns undefined when the outbox has failed: the bridge is about to end by itself */
  async #ask(bridge: Pick<Bridge, 'status'>): Promise<BridgeStatus | undefined> {
    this.#isAsking = true;
    try {
      return await bridge.status();
    } catch {
      return undefined;
    } finally {
      this.#isAsking = false;
    }
  }

  async #withhold(reason: string): Promise<void> {
    if (this.#standstill === undefined) this.#options.log.error('watchdog-withheld', { reason });
    this.#standstill = reason;
    await this.#tell([`STATUS=${reason}`]);
  }

  #tell(assignments: readonly string[]): Promise<void> {
    this.#told = this.#told.then(async () => {
      try {
        await this.#options.manager.tell(assignments);
        this.#fault = undefined;
      } catch (cause) {
        const fault = (cause as Error).message;
        if (fault !== this.#fault) this.#options.log.warn('service-manager-fault', { fault });
        this.#fault = fault;
      }
    });
    return this.#told;
  }
}
