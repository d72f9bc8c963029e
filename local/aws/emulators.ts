import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildAppOptions, buildApp } from 'fauxqs';

/** The account that fauxqs and dynoxide write into every ARN; neither lets one choose. */
export const EMULATED_ACCOUNT = '000000000000';

export interface EmulatorRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface EmulatorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A service behind the front door. */
export interface Emulator {
  handle(request: EmulatorRequest): Promise<EmulatorResponse>;
  close(): Promise<void>;
}

export interface QueueState {
  readonly name: string;
  readonly visible: number;
  readonly inFlight: number;
  /** Epoch milliseconds; undefined for an empty queue. */
  readonly oldestSentAt: number | undefined;
}

export interface QueueEmulator extends Emulator {
  /** Without asking by a socket, and without touching a message. */
  queueStates(): readonly QueueState[];
}

/**
 * A message that was received more often does not count as the oldest: SQS has moved it to the back of its queue.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
const RECEIVES_OF_OLDEST_MAX = 3;

type Stores = NonNullable<BuildAppOptions['stores']>;

interface Persistence {
  load(sqs: Stores['sqsStore'], sns: Stores['snsStore'], s3: Stores['s3Store']): void;
  updateMessageReady(messageId: string): void;
  transaction(work: () => void): void;
  close(): void;
  readonly db: DatabaseSync;
}

/**
 * SQS and S3 in this process, on `dir/fauxqs.db`.
 *
 * fauxqs 2.4.1 is assembled from its parts instead of by its `startFauxqs`, which listens on 0.0.0.0 whatever one
 * asks for: here it has no socket at all, so nothing goes round the front door. Two defects of the parts are mended
 * where they are: making a message visible writes NULL into a NOT NULL column (every ChangeMessageVisibility(0) was
 * a 500), and a redrive is not atomic.
 *
 * Messages in flight when the last process ended belong to nobody, so they are visible again at once.
 */
export async function openFauxqs(dir: string): Promise<QueueEmulator> {
  mkdirSync(dir, { recursive: true });
  const { sqsStore, snsStore, s3Store, persistence } = await partsOf(dir);
  releaseInFlight(persistence.db);
  persistence.load(sqsStore, snsStore, s3Store);
  sqsStore.persistence = persistence as never;
  snsStore.persistence = persistence as never;
  s3Store.persistence = persistence as never;
  for (const queue of sqsStore.allQueues()) queue.persistence = persistence as never;
  // Queue URLs are made from the Host header, which is the front door's.
  sqsStore.host = '';

  const app = buildApp({ logger: false, stores: { sqsStore, snsStore, s3Store } });
  await app.ready();
  return {
    handle: async (request) => {
      const response = await app.inject({
        method: request.method as 'GET',
        url: request.url,
        headers: request.headers,
        ...(request.body.length === 0 ? {} : { payload: request.body }),
      });
      return {
        status: response.statusCode,
        headers: headerTexts(response.headers),
        body: response.rawPayload,
      };
    },
    queueStates: () => [...sqsStore.allQueues()].map(stateOf),
    close: async () => {
      await app.close();
      persistence.close();
    },
  };
}

type StoredQueue = Stores['sqsStore'] extends { allQueues(): Iterable<infer Each> } ? Each : never;

function stateOf(queue: StoredQueue): QueueState {
  queue.processTimers();
  let oldestSentAt: number | undefined;
  const look = (message: { readonly sentTimestamp: number; readonly approximateReceiveCount: number }) => {
    if (message.approximateReceiveCount > RECEIVES_OF_OLDEST_MAX) return;
    oldestSentAt = Math.min(oldestSentAt ?? message.sentTimestamp, message.sentTimestamp);
  };
  for (const message of queue.messages) look(message);
  for (const { message } of queue.inflightMessages.values()) look(message);
  const { name, messages, inflightMessages } = queue;
  return { name, visible: messages.length, inFlight: inflightMessages.size, oldestSentAt };
}

async function partsOf(dir: string): Promise<Stores & { persistence: Persistence }> {
  const dist = dirname(fileURLToPath(import.meta.resolve('fauxqs')));
  const load = async (file: string) => (await import(pathToFileURL(join(dist, file)).href)) as Parts;
  const [sqs, sns, s3, persistence] = await Promise.all([
    load('sqs/sqsStore.js'),
    load('sns/snsStore.js'),
    load('s3/s3Store.js'),
    load('persistence.js'),
  ]);
  receiveInOneTransaction(sqs.SqsQueue);
  const manager = new persistence.PersistenceManager(dir);
  // Survives kill -9, which is what a local run promises; a power cut may take the last moments.
  manager.db.exec('PRAGMA synchronous = NORMAL');
  const makeReady = manager.db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  );
  manager.updateMessageReady = (messageId) => void makeReady.run(messageId);
  return {
    sqsStore: new sqs.SqsStore(),
    snsStore: new sns.SnsStore(),
    s3Store: new s3.S3Store(),
    persistence: manager,
  };
}

interface Parts {
  readonly SqsQueue: { readonly prototype: Queue };
  readonly SqsStore: new () => Stores['sqsStore'];
  readonly SnsStore: new () => Stores['snsStore'];
  readonly S3Store: new () => Stores['s3Store'];
  readonly PersistenceManager: new (dir: string) => Persistence;
}

interface Queue {
  persistence?: Persistence;
  dequeue(...args: unknown[]): unknown;
}

const mended = new WeakSet<object>();

/**
 * A receive that moves a message to its dead-letter queue deletes it from one and inserts it into the other: between
 * the two a kill -9 would lose it.
 */
function receiveInOneTransaction(queueClass: { readonly prototype: Queue }): void {
  const { prototype } = queueClass;
  if (mended.has(prototype)) return;
  mended.add(prototype);
  const { dequeue } = prototype;
  prototype.dequeue = function (this: Queue, ...args) {
    if (!this.persistence) return dequeue.apply(this, args);
    let received: unknown;
    this.persistence.transaction(() => {
      received = dequeue.apply(this, args);
    });
    return received;
  };
}

function releaseInFlight(db: DatabaseSync): void {
  db.exec('UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL');
}

function headerTexts(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return texts;
}
