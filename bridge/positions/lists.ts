import type { GatewayEvent } from '../gateway/events.ts';
import type { PositionRow } from './differ.ts';

/** What one cycle brought. */
export interface Reading {
  readonly rows: readonly PositionRow[];
  /** Accounts whose list came to its end; undefined is all of them. */
  readonly accounts?: ReadonlySet<string>;
  /** Why it is not all of them. */
  readonly fault?: string;
}

/** How the positions are asked for, and how their rows are told apart: in one list, or in one for each account. */
export interface PositionLists {
  /** Ends what was asked for before and asks anew. @param done called once, unless given up or forgotten before */
  request(done: (reading: Reading) => void): void;
  receive(event: GatewayEvent): void;
  /** The connection lives, the cycle does not: what still comes of it is dropped. @returns what is complete by now */
  giveUp(reason: string): Reading;
  /** The connection is gone: nothing of it reaches a later cycle. */
  forget(): void;
  /** Ends the subscriptions at the gateway. */
  cancel(): void;
}
