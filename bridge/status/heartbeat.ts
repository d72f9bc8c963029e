import { encodeMessage, type Gauges } from '../../shared/message.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import { replaceFile } from '../durable-file.ts';
import type { Log } from '../log.ts';
import type { Outbox } from '../outbox/draft.ts';

/** What a heartbeat says and the status file holds, of one moment. */
export interface Report {
  readonly status: BridgeStatus;
  readonly gauges: Gauges;
  /** The accounts that this bridge streams and records, unmasked: the drain renews their leases. */
  readonly accounts: readonly string[];
}

export interface HeartbeatsOptions {
  readonly bridge: string;
  readonly outbox: Pick<Outbox, 'epoch' | 'putHeartbeat'>;
  readonly report: () => Promise<Report>;
  /** `status.json` in the state directory: for whoever looks while the bridge does not answer. */
  readonly statusFile: string;
  readonly periodMs: number;
  readonly log: Log;
}

/**
 * Says once a period that the bridge lives and how it is: a heartbeat into the outbox, where only the newest waits, and
 * the status file. A fault is logged when it begins, and the next beat comes all the same.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #hasStopped = false;
  #lastFault: string | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** The first beat is at once. */
  start(): void {
    this.#timer = setInterval(() => void this.beat(), this.#options.periodMs);
    void this.beat();
  }

  /**
   * Between periods, for example when the accounts changed: while one beat is under way another one follows it, because
   * the first may have looked before the change. Does nothing after `stop`. Never rejects.
   */
  beat(): Promise<void> {
    if (this.#hasStopped) return Promise.resolve();
    if (this.#beating === undefined) {
      this.#beating = this.#beat().finally(() => {
        this.#beating = undefined;
      });
      return this.#beating;
    }
    this.#next ??= this.#beating.then(() => {
      this.#next = undefined;
      return this.beat();
    });
    return this.#next;
  }

  /** No heartbeat any more, so that none comes into the outbox behind its last flush. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    clearInterval(this.#timer);
    while (this.#beating !== undefined) await this.#beating;
  }

  /** What the status file keeps of a bridge that has ended: after everything else that the report looks at. */
  async writeLast(): Promise<void> {
    try {
      await this.#write((await this.#options.report()).status);
    } catch (cause) {
      this.#options.log.warn('status-file-failed', { fault: (cause as Error).message });
    }
  }

  async #beat(): Promise<void> {
    const { bridge, outbox, report, log } = this.#options;
    try {
      const { status, gauges, accounts } = await report();
      const body = encodeMessage({
        schema: 1,
        kind: 'heartbeat',
        bridge,
        epoch: outbox.epoch,
        at: status.at,
        accounts: [...accounts],
        gauges,
      });
      await outbox.putHeartbeat(body);
      await this.#write(status);
      this.#lastFault = undefined;
    } catch (cause) {
      const fault = (cause as Error).message;
      if (fault !== this.#lastFault) log.warn('heartbeat-failed', { fault });
      this.#lastFault = fault;
    }
  }

  #write(status: BridgeStatus): Promise<void> {
    return replaceFile(this.#options.statusFile, `${JSON.stringify(status, null, 2)}\n`);
  }
}
