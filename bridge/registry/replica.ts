import { applyImage, applyScan, EMPTY_REPLICA, type Replica, type Scan } from '../../shared/replica.ts';
import type { Strategy } from '../../shared/strategy.ts';
import type { Log } from '../log.ts';
import { loadReplica, saveReplica } from './replica-file.ts';

/** none: nothing is known, nothing is streamed. stale: last known good from disk. current: a scan confirmed it. */
export type RegistryState = 'none' | 'stale' | 'current';

export type ReplicaListener = (replica: Replica, state: RegistryState) => void;

/**
 * Holds the bridge's copy of the registry (shared/replica.ts is the arithmetic), tells who listens, and keeps the last
 * known good on disk. What is applied takes effect at once; `commit` makes it durable before a message is deleted.
 */
export class RegistryReplica {
  readonly #file: string;
  readonly #log: Log;
  readonly #now: () => Date;
  readonly #listeners = new Set<ReplicaListener>();
  #replica = EMPTY_REPLICA;
  #state: RegistryState = 'none';
  #confirmedAt: string | undefined;
  #saved: { readonly replica: Replica; readonly confirmedAt: string | undefined } | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: { readonly file: string; readonly log: Log; readonly now?: () => Date }) {
    this.#file = options.file;
    this.#log = options.log;
    this.#now = options.now ?? (() => new Date());
  }

  get state(): RegistryState {
    return this.#state;
  }

  /** Empty while the state is `none`: single images say nothing about the rest, and nothing is ever guessed. */
  get replica(): Replica {
    return this.#state === 'none' ? EMPTY_REPLICA : this.#replica;
  }

  /** What the feed has brought so far, also before the first scan. */
  get received(): Replica {
    return this.#replica;
  }

  /** When a scan or the head last agreed with it; survives restarts. */
  get confirmedAt(): string | undefined {
    return this.#confirmedAt;
  }

  /** @returns unsubscribe; a listener that throws is logged, the others still run */
  onChange(listener: ReplicaListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the last known good: `stale` until the first scan, or `none`. Never throws for what the file holds. */
  async load(): Promise<void> {
    const loaded = await loadReplica(this.#file, this.#now().getTime());
    if (loaded.state === 'found') {
      this.#replica = loaded.replica;
      this.#confirmedAt = loaded.confirmedAt;
      this.#saved = { replica: loaded.replica, confirmedAt: loaded.confirmedAt };
      this.#become('stale');
      this.#log.info('registry-loaded', {
        version: loaded.replica.contiguous,
        confirmedAt: loaded.confirmedAt,
      });
      return;
    }
    if (loaded.state === 'unreadable') {
      this.#log.error('replica-unreadable', { fault: loaded.fault, movedTo: loaded.movedTo });
    }
    this.#log.warn('registry-unknown', { effect: 'nothing is streamed until the registry has been read' });
  }

  applyImages(images: readonly Strategy[]): void {
    this.#replace(images.reduce(applyImage, this.#replica));
  }

  applyScan(scan: Scan): void {
    this.#confirmedAt = this.#now().toISOString();
    const isFirst = this.#state !== 'current';
    const scanned = applyScan(this.#replica, scan);
    if (isFirst) {
      this.#replica = scanned;
      this.#become('current');
    } else {
      this.#replace(scanned);
    }
  }

  /** The table's head was read and is where the replica is. */
  confirm(): void {
    this.#confirmedAt = this.#now().toISOString();
  }

  /**
   * Makes the present state durable; calls that come together share a write. Before the first scan there is nothing
   * to keep: a part must not pass for the last known good after the next start.
   * @throws Error of node:fs; the state in memory is not touched by that
   */
  async commit(): Promise<void> {
    const previous = this.#saving;
    this.#saving = (async () => {
      await previous.catch(() => {});
      await this.#save();
    })();
    await this.#saving;
  }

  async #save(): Promise<void> {
    const [replica, confirmedAt] = [this.#replica, this.#confirmedAt];
    if (this.#state === 'none' || confirmedAt === undefined) return;
    if (this.#saved?.replica === replica && this.#saved.confirmedAt === confirmedAt) return;
    await saveReplica(this.#file, { replica, confirmedAt });
    this.#saved = { replica, confirmedAt };
  }

  #replace(replica: Replica): void {
    if (replica === this.#replica) return;
    this.#replica = replica;
    if (this.#state !== 'none') this.#announce();
  }

  #become(state: RegistryState): void {
    this.#state = state;
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener(this.#replica, this.#state);
      } catch (cause) {
        this.#log.error('replica-listener-failed', { fault: (cause as Error).message });
      }
    }
  }
}
