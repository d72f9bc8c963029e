import type { Log } from '../log.ts';
import type { OutboxStatus } from './draft.ts';
import type { OutboxFault } from './fault.ts';

/** A bound that is reached and left again with every second message is reached: it is left with a tenth to spare. */
const BELOW_BOUND = 0.9;

/** What is wrong with the outbox while it runs, told once when it begins and once when it is over. */
export class Health {
  readonly #log: Log;
  /** By call: a full disk may have room for a heartbeat and none for a sweep. */
  readonly #faults = new Map<string, string>();
  #notWritten = 0;
  #isAtBound = false;

  constructor(log: Log) {
    this.#log = log;
  }

  noteFault(call: string, { disposition, message }: OutboxFault): void {
    if (disposition !== 'retry') return;
    this.#notWritten += 1;
    if (this.#faults.size === 0) this.#log.error('outbox-not-writing', { fault: message });
    this.#faults.set(call, message);
  }

  noteWritten(call: string): void {
    if (this.#faults.delete(call) && this.#faults.size === 0) {
      this.#log.info('outbox-writing', { notWritten: this.#notWritten });
    }
  }

  noteDropped(count: number): void {
    if (count === 0 || this.#isAtBound) return;
    this.#isAtBound = true;
    this.#log.warn('outbox-at-bound', {
      effect: 'superseded snapshots are given up and declared',
      remedy: 'see to it that AWS takes them, or raise outbox.maxBytes',
    });
  }

  noteFilled({ bytes, maxBytes, dropped }: Pick<OutboxStatus, 'bytes' | 'maxBytes' | 'dropped'>): void {
    if (!this.#isAtBound || bytes > BELOW_BOUND * maxBytes) return;
    this.#isAtBound = false;
    this.#log.info('outbox-below-bound', { dropped });
  }

  status(): Pick<OutboxStatus, 'notWritten' | 'fault'> {
    const [fault] = this.#faults.values();
    return { notWritten: this.#notWritten, ...(fault === undefined ? {} : { fault }) };
  }
}
