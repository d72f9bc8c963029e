import type { BridgeStatus } from '../../shared/status.ts';
import type { TriggerStatistics } from '../aws/cloud-types.ts';
import type { BridgePart } from './bridge-part.ts';
import { BridgeTally, newFaults } from './bridge-tally.ts';
import { fetchStatus, readStatusFile } from './bridge-watch.ts';
import type { CloudPart } from './cloud-part.ts';
import type { GatewayPart } from './gateway-part.ts';
import { LakeTally } from './lake-tally.ts';
import type { LinesFigures } from './report.ts';
import type { ViewState } from './view.ts';

const NEWS_MAX = 4;
/** Ticks per second are taken over this long: a single second jumps. */
const RATE_SPAN_MS = 5000;

/**
 * Looks at all parts of a run from outside, as a person could, and keeps what the view and the closing report need:
 * the bridge by its status page, the gateway by its own counts, the queue and the lake by their services.
 */
export class Watch {
  readonly #cloudPart: CloudPart;
  readonly #gateway: GatewayPart;
  readonly #bridge: BridgePart;
  readonly #lakeTally: LakeTally;
  readonly #onFault: (fault: string) => void;
  readonly #tally = new BridgeTally();
  readonly #news: string[] = [];
  readonly #tickHistory: { readonly atMs: number; readonly ticks: number }[] = [];
  #queue: ViewState['queue'];
  #lake: ViewState['lake'];
  #drainBefore: TriggerStatistics | undefined;

  constructor(options: {
    readonly cloudPart: CloudPart;
    readonly gateway: GatewayPart;
    readonly bridge: BridgePart;
    /** What the bridge says is wrong, once. */
    readonly onFault: (fault: string) => void;
  }) {
    this.#onFault = options.onFault;
    this.#cloudPart = options.cloudPart;
    this.#gateway = options.gateway;
    this.#bridge = options.bridge;
    this.#lakeTally = new LakeTally(options.cloudPart.clients.s3, options.cloudPart.cloud.outputs.lakeBucket);
  }

  get tally(): BridgeTally {
    return this.#tally;
  }

  addNews(text: string): void {
    this.#news.push(text);
    if (this.#news.length > NEWS_MAX) this.#news.shift();
  }

  /** What cannot be looked at now keeps what was seen last. */
  async look(): Promise<void> {
    await Promise.all([this.#lookAtBridge(), this.#lookAtQueue(), this.#lookAtLake()]);
  }

  /** The last words of a bridge that has ended. */
  async readLastStatus(): Promise<void> {
    const status = await readStatusFile(this.#bridge.statusFile);
    if (status !== undefined) this.#tally.see(status);
  }

  /** The gateway's own count; with a gateway of the user's own, what the bridge says of itself. */
  lines(): LinesFigures & { readonly snapshotsInFlight: number } {
    const counts = this.#gateway.simulated?.stats().lines;
    if (counts !== undefined) {
      const { cap, streaming, peak, peakWithSnapshots, refused, snapshotsInFlight } = counts;
      return { cap, streaming, peak, peakWithSnapshots, refused, snapshotsInFlight };
    }
    const lines = this.#tally.latest?.lines;
    return {
      cap: lines?.cap ?? 0,
      streaming: lines?.streaming ?? 0,
      ...this.#tally.peaks,
      refused: this.#tally.totals.refused,
      snapshotsInFlight: lines?.snapshotsInFlight ?? 0,
    };
  }

  /** Batches that the drain was given in this run. */
  batches(): { readonly count: number; readonly maxSize: number } {
    const drain = this.#drain();
    return { count: drain?.batches ?? 0, maxSize: drain?.maxBatch ?? 0 };
  }

  state(elapsedMs: number, remainingMs: number | undefined): ViewState {
    const status = this.#tally.latest;
    const { complete, failed, ticks } = this.#tally.totals;
    const perSecond = this.#tickRate();
    return {
      elapsedMs,
      ...(remainingMs === undefined ? {} : { remainingMs }),
      gateway: {
        address: `${this.#gateway.host}:${this.#gateway.port}`,
        state: this.#bridge.statusUrl === undefined ? 'bridge is down' : (status?.gateway.state ?? 'unknown'),
        ...(this.#tally.serverVersion === undefined ? {} : { serverVersion: this.#tally.serverVersion }),
      },
      lines: this.lines(),
      sweeps: { complete, failed, positions: status?.sweeps.positions ?? 0, ...ageOf(status) },
      ticks: { total: ticks, ...(perSecond === undefined ? {} : { perSecond }) },
      outbox: { depth: status?.outbox.depth ?? 0, produced: status?.outbox.produced ?? 0 },
      ...(this.#queue === undefined ? {} : { queue: this.#queue }),
      ...(this.#lake === undefined ? {} : { lake: this.#lake }),
      registry: {
        version: status?.registry.version ?? 0,
        active:
          status?.lines.strategies.filter(({ state }) => state !== 'inactive' && state !== 'not-ours')
            .length ?? 0,
        strategies: status?.registry.strategies ?? 0,
      },
      functions: this.#functions(),
      news: this.#news,
    };
  }

  async #lookAtBridge(): Promise<void> {
    const url = this.#bridge.statusUrl;
    const status = url === undefined ? undefined : await fetchStatus(url);
    if (status === undefined) return;
    for (const fault of newFaults(this.#tally.latest, status)) this.#onFault(fault);
    this.#tally.see(status);
    const nowMs = performance.now();
    this.#tickHistory.push({ atMs: nowMs, ticks: this.#tally.totals.ticks });
    while ((this.#tickHistory[0]?.atMs ?? nowMs) < nowMs - RATE_SPAN_MS) this.#tickHistory.shift();
  }

  async #lookAtQueue(): Promise<void> {
    try {
      const { outputs } = this.#cloudPart.cloud;
      const depth = (await this.#cloudPart.cloud.queueDepths())[nameOf(outputs.snapshotQueueUrl)];
      if (depth !== undefined) {
        this.#queue = { waiting: depth.visible + depth.delayed, inWork: depth.inFlight };
      }
    } catch {
      // The view shows what was seen last; whoever needs the queue says that it does not answer.
    }
  }

  async #lookAtLake(): Promise<void> {
    try {
      this.#lake = await this.#lakeTally.look();
    } catch {
      // As above.
    }
  }

  #drain(): TriggerStatistics | undefined {
    const { cloud } = this.#cloudPart;
    const queueUrl = cloud.outputs.snapshotQueueUrl;
    this.#drainBefore = cloud.triggers().find(({ source }) => source === queueUrl) ?? this.#drainBefore;
    return this.#drainBefore;
  }

  #functions(): ViewState['functions'] {
    const { cloud } = this.#cloudPart;
    const statistics = cloud.functions();
    return cloud.triggers().map((trigger) => ({
      name: functionName(statistics[trigger.functionName]?.logicalId ?? trigger.functionName),
      batches: trigger.batches,
      largest: trigger.maxBatch,
      failed: trigger.failedRecords,
    }));
  }

  #tickRate(): number | undefined {
    const first = this.#tickHistory[0];
    const last = this.#tickHistory.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < 500) return undefined;
    return ((last.ticks - first.ticks) / (last.atMs - first.atMs)) * 1000;
  }
}

function ageOf(status: BridgeStatus | undefined): { ageMs: number } | Record<string, never> {
  const at = status?.sweeps.lastAt;
  return at === undefined ? {} : { ageMs: Math.max(0, Date.now() - Date.parse(at)) };
}

/** `DeadLetterFunction00606867`, as the CDK names it, is `dead-letter` to a person. */
export function functionName(logicalId: string): string {
  const words = logicalId.replace(/[0-9A-F]{8}$/, '').replace(/Function$/, '');
  return words.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

/** A queue's name is the last part of its URL. */
export function nameOf(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}
