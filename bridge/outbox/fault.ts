/**
 * retry: nothing was written, the same call may work later (disk full, worker behind).
 * drop: this input can never be accepted, nothing was written.
 * fatal: the outbox is gone or cannot be opened; the process has to start again, after the remedy if there is one.
 */
export type Disposition = 'retry' | 'drop' | 'fatal';

/** What the outbox could not do. The message names the remedy where a person has to act. */
export class OutboxFault extends Error {
  readonly disposition: Disposition;

  constructor(disposition: Disposition, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutboxFault';
    this.disposition = disposition;
  }
}
