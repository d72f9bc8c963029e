import type { StrategyInput } from '../../shared/strategy.ts';
import type { Service, ServiceFault } from '../aws/service.ts';
import type { Book } from '../gateway/book.ts';
import type { FaultInput, FaultOf } from '../gateway/faults.ts';
import type { Position } from '../gateway/portfolio.ts';

/** What happens to the system, and when at the earliest: in milliseconds after its part of the week began. */
export type Step = { readonly atMs: number } & Deed;

export type Deed =
  | { readonly do: 'fault'; readonly name: string; readonly fault: FaultInput; readonly forMs?: number }
  /**
   * The nightly restart: nobody listens, then the old client id lingers, then the list of positions still loads.
   * Settled while it is down: who expired or was assigned.
   */
  | {
      readonly do: 'restart';
      readonly downMs: number;
      readonly lingerMs: number;
      readonly loading: {
        readonly answer: 'empty' | 'partial';
        /** Of the positions that it lists meanwhile. */
        readonly share: number;
        /** What the account's own holdings are like meanwhile; asked for where few enough are missing. */
        readonly holdings?: 'not-ready' | 'never-end';
        readonly forMs: number;
      };
      readonly settled: readonly FaultOf<'assignment' | 'expiry'>[];
    }
  /** The weekly one: nobody listens, then somebody who says nothing. */
  | { readonly do: 'login'; readonly refusedMs: number; readonly muteMs: number }
  | { readonly do: 'kill' }
  | {
      readonly do: 'aws-away';
      readonly services: readonly Service[];
      readonly how: ServiceFault;
      readonly forMs: number;
      /** And as long as it takes to fill the outbox. */
      readonly untilBound: boolean;
    }
  /** With a kill while it is. */
  | { readonly do: 'disk-full' }
  | { readonly do: 'trade'; readonly trade: Trade }
  | { readonly do: 'switch'; readonly id: string; readonly status: StrategyInput['status'] }
  /** One side of a condor to a later expiration: other positions, and a new version of the strategy. */
  | { readonly do: 'roll'; readonly strategy: StrategyInput; readonly trades: readonly Trade[] };

export type Trade =
  | { readonly type: 'open' | 'change'; readonly position: Position }
  | { readonly type: 'close'; readonly account: string; readonly conId: number };

export interface Phase {
  readonly name: string;
  readonly kind: 'session' | 'night' | 'weekend';
  readonly durationMs: number;
  /** By time. */
  readonly steps: readonly Step[];
}

/** What a trade does to a book: the planner's own, or the gateway's. */
export function applyTrade(book: Pick<Book, 'open' | 'change' | 'close'>, trade: Trade): void {
  if (trade.type === 'close') book.close(trade);
  else book[trade.type](trade.position);
}
