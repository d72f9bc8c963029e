import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { readAuditItems } from '../../cli/audit/read.ts';
import { encodeMessage } from '../../shared/message.ts';
import { liveSnapshot } from './traffic.ts';

/** At one look. */
const LOOKED_FOR_MAX = 100;

export interface Delay {
  readonly sentMs: number;
  readonly delayMs: number;
}

/** Snapshots that a bridge streams while its backlog drains, and how long each takes until the audit has it stored. */
export class LiveTraffic {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #documents: DynamoDBDocumentClient;
  readonly #auditTable: string;
  /** id -> when it was sent, by `performance.now()`; the oldest first. */
  readonly #under = new Map<string, number>();
  readonly #delays: Delay[] = [];
  #seq: number;

  /** @param options.firstSeq beyond those of the backlog */
  constructor(options: {
    readonly sqs: SQSClient;
    readonly queueUrl: string;
    readonly dynamodb: DynamoDBClient;
    readonly auditTable: string;
    readonly firstSeq: number;
  }) {
    this.#sqs = options.sqs;
    this.#queueUrl = options.queueUrl;
    this.#documents = DynamoDBDocumentClient.from(options.dynamodb);
    this.#auditTable = options.auditTable;
    this.#seq = options.firstSeq;
  }

  /** Of those that are stored, in the order in which that was seen. */
  get delays(): readonly Delay[] {
    return this.#delays;
  }

  get sent(): number {
    return this.#delays.length + this.#under.size;
  }

  /** How long the oldest that is not stored has waited; 0 where there is none. */
  get oldestMs(): number {
    const [sentMs] = this.#under.values();
    return sentMs === undefined ? 0 : performance.now() - sentMs;
  }

  async send(): Promise<void> {
    const snapshot = liveSnapshot(this.#seq, Date.now());
    this.#seq += 1;
    const sentMs = performance.now();
    const MessageBody = encodeMessage(snapshot);
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#queueUrl, MessageBody }));
    this.#under.set(snapshot.id, sentMs);
  }

  /** Asks the audit for the oldest that are under way. */
  async look(): Promise<void> {
    const ids = [...this.#under.keys()].slice(0, LOOKED_FOR_MAX);
    if (ids.length === 0) return;
    const items = await readAuditItems(this.#documents, this.#auditTable, ids);
    const nowMs = performance.now();
    for (const [id, { status }] of items) {
      const sentMs = this.#under.get(id);
      if (status !== 'SUCCESS' || sentMs === undefined) continue;
      this.#under.delete(id);
      this.#delays.push({ sentMs, delayMs: nowMs - sentMs });
    }
  }
}
