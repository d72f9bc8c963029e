import type { LaneClassStatus } from '../../../shared/status.ts';
import type { Gateway, MarketDataType } from '../../gateway/events.ts';
import type { Log } from '../../log.ts';
import type { ContractResolver, InstrumentName, SymbolResolver } from '../contract-resolver.ts';
import type { LineLedger } from '../ledger.ts';
import type { Quote } from '../quote.ts';
import type { Streams } from '../streams.ts';
import type { PollClass } from './schedule.ts';

/** Marks that come without a line. */
interface MarkSource {
  quoteOf(conId: number): Quote | undefined;
  status(): LaneClassStatus;
}

export interface SnapshotLaneOptions {
  readonly gateway: Gateway;
  readonly ledger: LineLedger;
  readonly streams: Pick<Streams, 'streamedQuote' | 'quoteOf' | 'degraded'>;
  readonly log: Log;
  readonly contracts: SymbolResolver & ContractResolver;
  readonly instruments: readonly InstrumentName[];
  /** A poll brought something. */
  readonly onQuote: (conId: number) => void;
  /** Where marks of positions come from that nobody streams: snapshot requests of the lane, or a source of their own. */
  readonly marks?: 'snapshot' | 'off' | MarkSource;
  /** Contracts of all positions. */
  readonly held?: () => Iterable<number>;
  readonly periodsMs?: Partial<Readonly<Record<PollClass, number>>>;
  /** IB ends a snapshot after up to 11 s; one that is not over by then never ends. */
  readonly snapshotDeadlineMs?: number;
  readonly shortStreamMs?: number;
  readonly minHoldMs?: number;
  /** What streams ask for while a market is open. Default 1, live. */
  readonly marketDataType?: MarketDataType;
}
