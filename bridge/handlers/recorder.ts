import { BRIDGE } from '../../shared/limits.ts';
import type { Replica } from '../../shared/replica.ts';
import type { Quote } from '../lines/quote.ts';
import type { Log } from '../log.ts';
import type { Outbox, SnapshotDraft } from '../outbox/draft.ts';
import { type HeldPosition, keyOf } from '../positions/differ.ts';
import { ownersByAccount } from '../positions/drafts.ts';
import { hasMoved } from './deadband.ts';

export interface RecorderOptions {
  readonly outbox: Pick<Outbox, 'append'>;
  readonly log: Log;
  readonly replica: () => Replica;
  /** As observed now, so that nothing is recorded of a position after its tombstone. */
  readonly positionsOf: (conId: number) => readonly HeldPosition[];
  readonly quoteOf: (conId: number) => Quote | undefined;
  readonly minTickOf: (conId: number) => number | undefined;
  /** IB security types to record; absent means all. */
  readonly recordedSecTypes?: ReadonlySet<string> | undefined;
  readonly periodMs?: number;
}

/**
 * Keeps the streamed legs' course: per period one snapshot of each position whose line moved past a deadband since
 * the last one, in one batch. It is told of every tick, so it takes the contract's id alone: an update as handlers
 * get it would be made thousands of times a second and looked at twice a minute. A watched leg has no position and therefore no snapshot:
 * one of quantity 0 would read as a position that closed.
 *
 * Bound: one entry per streamed contract.
 */
export class Recorder {
  readonly name = 'recorder';
  readonly #options: RecorderOptions;
  readonly #touched = new Set<number>();
  readonly #recorded = new Map<string, Quote>();
  #lastFault: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), this.#options.periodMs ?? BRIDGE.recorderPeriodMs);
  }

  /** Records what moved since the last period. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    await this.flush();
  }

  /** Its line brought a message. Never waits, never throws: it is called on the tick path. */
  touch(conId: number): void {
    this.#touched.add(conId);
  }

  /** One period's batch; a batch that was not written is tried again with the next. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const { outbox, log, replica } = this.#options;
    const touched = [...this.#touched];
    this.#touched.clear();
    const moved = touched.flatMap((conId) => this.#moved(conId));
    if (moved.length === 0) return;

    const current = replica();
    const owners = ownersByAccount(current);
    const observedAt = new Date().toISOString();
    const drafts = moved.map(({ position, quote }): SnapshotDraft => {
      const { account, modelCode, contract, quantity, averageCost } = position;
      return {
        lane: 'stream',
        priority: 1,
        reason: 'changed',
        account,
        ...(modelCode === undefined ? {} : { modelCode }),
        contract,
        quantity,
        averageCost,
        ...(quote.mark === undefined ? {} : { mark: quote.mark }),
        quality: quote.quality,
        strategyIds: owners(account, contract.conId),
        registryVersion: current.contiguous,
        observedAt,
      };
    });
    try {
      await outbox.append(drafts);
    } catch (cause) {
      for (const conId of touched) this.#touched.add(conId);
      const fault = (cause as Error).message;
      if (fault !== this.#lastFault) log.error('recorder-failed', { snapshots: drafts.length, fault });
      this.#lastFault = fault;
      return;
    }
    this.#lastFault = undefined;
    for (const { key, quote } of moved) this.#recorded.set(key, quote);
  }

  #moved(conId: number): { key: string; position: HeldPosition; quote: Quote }[] {
    const { positionsOf, quoteOf, minTickOf, recordedSecTypes } = this.#options;
    const quote = quoteOf(conId);
    if (!quote) return [];
    return positionsOf(conId)
      .filter(({ contract }) => recordedSecTypes === undefined || recordedSecTypes.has(contract.secType))
      .map((position) => ({ key: keyOf(position), position, quote }))
      .filter(({ key }) => hasMoved(this.#recorded.get(key), quote, minTickOf(conId)));
  }
}
