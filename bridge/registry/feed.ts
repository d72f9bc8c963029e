import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { decodeFeedMessage } from '../../shared/feed.ts';
import { FEED, SQS } from '../../shared/limits.ts';
import type { Strategy } from '../../shared/strategy.ts';
import { describeCloudFault } from '../cloud.ts';
import type { Log } from '../log.ts';
import { type Backoff, Bell, backoffMs, sleep, withDeadline } from '../wait.ts';
import {
  type AntiEntropyPeriods,
  type Doubts,
  nextStep,
  noteHead,
  noteReplica,
  noteScan,
  type ScanReason,
} from './anti-entropy.ts';
import type { RegistryReplica, RegistryState } from './replica.ts';
import { type RegistryTable, readHead, scanRegistry } from './scan.ts';

export interface FeedOptions {
  readonly replica: RegistryReplica;
  readonly sqs: SQSClient;
  /** This bridge's own feed queue. */
  readonly queueUrl: string;
  readonly table: RegistryTable;
  readonly log: Log;
  readonly periods?: Partial<AntiEntropyPeriods>;
  readonly longPollS?: number;
  readonly backoff?: Backoff;
  readonly random?: () => number;
}

export interface FeedStatus {
  readonly state: RegistryState;
  readonly version: number;
  readonly strategies: number;
  /** Versions that the replica lacks, by the head as it was last read; absent before the first reading. */
  readonly lag?: number;
  readonly lastScanAt?: string;
  /** When the table last agreed with it; survives restarts. */
  readonly confirmedAt?: string;
  /** What is wrong now: absent as soon as queue and table answer. */
  readonly lastFault?: string;
  readonly scans: number;
  /** Feed messages that could not be decoded and were deleted: the scan brings what they carried. */
  readonly undecodable: number;
}

/** Beyond the long poll itself. */
const ANSWER_DEADLINE_MS = 10_000;

/** All pages of all attempts together. */
const SCAN_DEADLINE_MS = 60_000;

/**
 * Keeps the replica at the table's state by two ways that do not rest on each other: the feed queue brings changes
 * within a second, and the table itself is asked at the start, when versions are missing, and once a minute. Faults
 * of the cloud are shown and waited out; what is streamed goes on meanwhile.
 */
export class RegistryFeed {
  readonly #options: Required<Omit<FeedOptions, 'periods'>>;
  readonly #periods: AntiEntropyPeriods;
  readonly #abort = new AbortController();
  readonly #bell = new Bell();
  readonly #faults = new Map<'queue' | 'table' | 'disk', string>();
  #doubts: Doubts = {};
  #scans = 0;
  #undecodable = 0;
  #lastScanAt: string | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: FeedOptions) {
    this.#options = {
      longPollS: SQS.longPollMaxS,
      backoff: { firstMs: 500, maxMs: 30_000 },
      random: Math.random,
      ...options,
    };
    this.#periods = {
      headPeriodMs: FEED.antiEntropyPeriodMs,
      lagMaxMs: FEED.lagMaxMs,
      gapMaxMs: FEED.gapMaxMs,
      scanAgeMaxMs: FEED.replicaAgeMaxMs,
      ...options.periods,
    };
  }

  /** After `replica.load()`. */
  start(): void {
    this.#running = Promise.all([
      this.#repeat('queue', () => this.#receive()),
      this.#repeat('table', () => this.#compare()),
    ]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  status(): FeedStatus {
    const { replica } = this.#options;
    const lastFault = [...this.#faults.values()].join('; ');
    return {
      state: replica.state,
      version: replica.replica.contiguous,
      strategies: replica.replica.strategies.size,
      ...(this.#doubts.headReadAt !== undefined && {
        lag: Math.max(0, (this.#doubts.lag?.head ?? 0) - replica.replica.contiguous),
      }),
      ...(this.#lastScanAt !== undefined && { lastScanAt: this.#lastScanAt }),
      ...(replica.confirmedAt !== undefined && { confirmedAt: replica.confirmedAt }),
      ...(lastFault !== '' && { lastFault }),
      scans: this.#scans,
      undecodable: this.#undecodable,
    };
  }

  async #repeat(source: 'queue' | 'table', work: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    const { backoff, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await work();
        failures = 0;
        this.#mended(source);
      } catch (cause) {
        if (signal.aborted) return;
        failures += 1;
        this.#faulty(source, describeCloudFault(cause));
        await sleep(backoffMs(failures, backoff, random), signal);
      }
    }
  }

  /** One long poll: apply, commit to disk, and only then delete. */
  async #receive(): Promise<void> {
    const { sqs, queueUrl, longPollS, replica } = this.#options;
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: SQS.sendBatchMax,
      WaitTimeSeconds: longPollS,
    });
    const abortSignal = withDeadline(this.#abort.signal, longPollS * 1000 + ANSWER_DEADLINE_MS);
    const { Messages = [] } = await sqs.send(command, { abortSignal });
    if (Messages.length === 0) return;
    replica.applyImages(this.#decode(Messages));
    this.#doubts = noteReplica(this.#doubts, replica.received, performance.now());
    this.#bell.ring();
    if (await this.#commit()) await this.#delete(Messages);
  }

  #decode(messages: readonly Message[]): Strategy[] {
    return messages.flatMap(({ Body = '', MessageId }) => {
      const decoded = decodeFeedMessage(Body);
      if (decoded.ok) return [decoded.message.strategy];
      this.#undecodable += 1;
      this.#options.log.warn('feed-message-undecodable', { messageId: MessageId, fault: decoded.fault });
      return [];
    });
  }

  /** What is not deleted comes again and changes nothing. */
  async #delete(messages: readonly Message[]): Promise<void> {
    const { sqs, queueUrl } = this.#options;
    const command = new DeleteMessageBatchCommand({
      QueueUrl: queueUrl,
      Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
    });
    await sqs.send(command, { abortSignal: withDeadline(this.#abort.signal, ANSWER_DEADLINE_MS) });
  }

  /** One step of the anti-entropy. */
  async #compare(): Promise<void> {
    const { replica, table } = this.#options;
    this.#doubts = noteReplica(this.#doubts, replica.received, performance.now());
    const step = nextStep(this.#doubts, this.#periods, performance.now());
    if (step.do === 'wait') return this.#bell.wait(this.#abort.signal, step.ms);
    if (step.do === 'scan') return this.#scan(step.reason);
    const head = await readHead(table, withDeadline(this.#abort.signal, ANSWER_DEADLINE_MS));
    this.#doubts = noteHead(this.#doubts, replica.received, head, performance.now());
    if (head !== replica.received.contiguous) return;
    replica.confirm();
    await this.#commit();
  }

  async #scan(reason: ScanReason): Promise<void> {
    const { replica, table, log } = this.#options;
    const before = replica.received.contiguous;
    const deadline = withDeadline(this.#abort.signal, SCAN_DEADLINE_MS);
    const { scan, faults } = await scanRegistry(table, replica.received, deadline);
    replica.applyScan(scan);
    this.#doubts = noteReplica(noteScan(performance.now()), replica.received, performance.now());
    this.#scans += 1;
    this.#lastScanAt = replica.confirmedAt;
    log.info('registry-scanned', { reason, before, head: scan.head, strategies: scan.strategies.length });
    for (const fault of faults) log.error('registry-item-undecodable', { fault });
    await this.#commit();
  }

  /** @returns false when the disk failed: then nothing may be deleted, and what is in memory holds */
  async #commit(): Promise<boolean> {
    try {
      await this.#options.replica.commit();
      this.#mended('disk');
      return true;
    } catch (cause) {
      this.#faulty('disk', `the replica could not be written: ${(cause as Error).message}`);
      return false;
    }
  }

  #faulty(source: 'queue' | 'table' | 'disk', fault: string): void {
    if (this.#faults.get(source) === fault) return;
    this.#faults.set(source, fault);
    this.#options.log.warn('registry-fault', { source, fault });
  }

  #mended(source: 'queue' | 'table' | 'disk'): void {
    if (this.#faults.delete(source)) this.#options.log.info('registry-recovered', { source });
  }
}
