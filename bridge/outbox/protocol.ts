import type { Disposition } from './fault.ts';
import type { Opening, OutboxStore } from './store.ts';

/** What crosses between the bridge's thread and the outbox's: calls by name, answers by the call's id. */
type Callable =
  | 'committed'
  | 'commitPositions'
  | 'append'
  | 'putHeartbeat'
  | 'putLedgers'
  | 'peek'
  | 'acknowledge'
  | 'refuse'
  | 'status'
  | 'close';

export type StoreCalls = Pick<OutboxStore, Callable>;

export type Request = {
  [Name in Callable]: {
    readonly id: number;
    readonly name: Name;
    readonly args: Parameters<StoreCalls[Name]>;
  };
}[Callable];

export interface FaultReport {
  readonly disposition: Disposition;
  readonly message: string;
  /** Another process has the file. */
  readonly isLocked?: true;
}

export type Reply =
  | { readonly type: 'opened'; readonly opening: Opening }
  | { readonly type: 'unopened'; readonly fault: FaultReport }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'fault'; readonly id: number; readonly fault: FaultReport };
