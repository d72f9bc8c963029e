import type { BridgeStatus } from '../../shared/status.ts';

interface Counts {
  readonly complete: number;
  readonly failed: number;
  readonly ticks: number;
  readonly refused: number;
}

const NOTHING: Counts = { complete: 0, failed: 0, ticks: 0, refused: 0 };

/**
 * What the bridges of this run have done together: a bridge counts since it started, so that one which was started
 * again counts beside the one before it.
 */
export class BridgeTally {
  readonly #byStart = new Map<string, Counts>();
  #latest: BridgeStatus | undefined;
  #peak = 0;
  #peakWithSnapshots = 0;
  #serverVersion: number | undefined;

  get latest(): BridgeStatus | undefined {
    return this.#latest;
  }

  /** The last version that a gateway agreed on; it stays known when the connection is gone. */
  get serverVersion(): number | undefined {
    return this.#serverVersion;
  }

  get totals(): Counts {
    return [...this.#byStart.values()].reduce(
      (sum, counts) => ({
        complete: sum.complete + counts.complete,
        failed: sum.failed + counts.failed,
        ticks: sum.ticks + counts.ticks,
        refused: sum.refused + counts.refused,
      }),
      NOTHING,
    );
  }

  /** Highest values among the statuses seen: what lies between two of them is not known here. */
  get peaks(): { readonly peak: number; readonly peakWithSnapshots: number } {
    return { peak: this.#peak, peakWithSnapshots: this.#peakWithSnapshots };
  }

  see(status: BridgeStatus): void {
    const { lines, sweeps, ticks, gateway } = status;
    this.#latest = status;
    this.#serverVersion = gateway.serverVersion ?? this.#serverVersion;
    this.#peak = Math.max(this.#peak, lines.streaming);
    this.#peakWithSnapshots = Math.max(this.#peakWithSnapshots, lines.streaming + lines.snapshotsInFlight);
    const { complete, failed } = sweeps;
    this.#byStart.set(`${status.pid} ${status.startedAt}`, {
      complete,
      failed,
      ticks,
      refused: lines.refused,
    });
  }
}

/** @returns what the bridge says is wrong now and did not say before, one sentence each, where it comes from first */
export function newFaults(before: BridgeStatus | undefined, now: BridgeStatus): string[] {
  return (['gateway', 'sweeps', 'outbox', 'registry'] as const).flatMap((part) => {
    const fault = now[part].lastFault;
    return fault === undefined || fault === before?.[part].lastFault ? [] : [`${part}: ${fault}`];
  });
}
