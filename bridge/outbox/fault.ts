/**
 * retry: nothing was written, the same call may work later (disk full, worker behind, bound reached).
 * drop: this input can never be accepted, nothing was written.
 * fatal: the outbox is gone; the process has to start again.
 * unusable: the file is not for this bridge or not for this version; a new start changes nothing until a person has.
 */
export type Disposition = 'retry' | 'drop' | 'fatal' | 'unusable';

/** What the outbox could not do. The message names the remedy where a person has to act. */
export class OutboxFault extends Error {
  readonly disposition: Disposition;

  constructor(disposition: Disposition, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutboxFault';
    this.disposition = disposition;
  }
}

/** The file holds what no outbox wrote. It is moved aside (quarantine.ts), and a new one begins with a new epoch. */
export class CorruptDatabase extends Error {
  override readonly name = 'CorruptDatabase';
}
