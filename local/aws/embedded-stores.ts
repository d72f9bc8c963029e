import { GetQueueAttributesCommand, ListQueuesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type CloudOutputs, parseOutputs } from '../../shared/outputs.ts';
import { returnAbandoned } from './abandoned-receive.ts';
import type { Call } from './access.ts';
import { clientsOf, environmentOf } from './clients.ts';
import type { Clients, CloudLog, LocalStores, QueueDepth, RecordedProcess } from './cloud-types.ts';
import { withConditionalPuts } from './conditional-put.ts';
import { type Dynoxide, startDynoxide } from './dynoxide.ts';
import { openFauxqs, type QueueEmulator, type QueueState } from './emulators.ts';
import { FrontDoor } from './front-door.ts';
import { type Denial, Guard } from './guard.ts';
import { Journal } from './journal.ts';
import { withLargePuts } from './large-put.ts';
import type { Meter } from './meter.ts';
import { type TableEvent, tableEvents, withConsumedCapacity } from './metrics/consumed-capacity.ts';
import type { Permissions } from './policy.ts';
import type { Endpoints, Service, ServiceFault } from './service.ts';
import { type TableLoad, withThrottling } from './throttle.ts';
import type { Throughput } from './throughput.ts';
import { withQueueUrls, withRegion } from './translations.ts';

/** The local run's own calls: provisioning, depths. Components have names of their own. */
const OWN_PRINCIPAL = 'local-run';

type Doors = Readonly<Record<Service, FrontDoor>>;

/** Emulators behind their front doors, over one state directory. */
export class EmbeddedStores implements LocalStores {
  readonly region: string;
  readonly journal: Journal;
  readonly #guard: Guard;
  readonly #dynoxide: Dynoxide;
  readonly #fauxqs: QueueEmulator;
  readonly #doors: Doors;
  readonly #tableLoads: () => Readonly<Record<string, TableLoad>>;
  readonly #clients = new Map<string, Clients & Disposable>();
  #outputsText = '{}';
  #isStopped = false;

  private constructor(parts: {
    readonly region: string;
    readonly journal: Journal;
    readonly guard: Guard;
    readonly dynoxide: Dynoxide;
    readonly fauxqs: QueueEmulator;
    readonly doors: Doors;
    readonly tableLoads: () => Readonly<Record<string, TableLoad>>;
    readonly log: CloudLog;
  }) {
    this.region = parts.region;
    this.journal = parts.journal;
    this.#guard = parts.guard;
    this.#dynoxide = parts.dynoxide;
    this.#fauxqs = parts.fauxqs;
    this.#doors = parts.doors;
    this.#tableLoads = parts.tableLoads;
    void parts.dynoxide.ended.then(() => {
      if (!this.#isStopped) parts.log.warn('dynoxide-ended', { remedy: 'stop the run and start it again' });
    });
  }

  /** @throws Error of one line with the remedy when the DynamoDB emulator cannot be started */
  static async open(options: {
    readonly dir: string;
    readonly region: string;
    readonly log: CloudLog;
    /** Of each table; without it they serve whatever they are asked for. */
    readonly throughput?: Throughput;
    readonly meter?: Meter;
    readonly onTableEvents?: (events: readonly TableEvent[]) => void;
  }): Promise<EmbeddedStores> {
    const { dir, region, throughput, meter, onTableEvents } = options;
    await using opened = new AsyncDisposableStack();
    const dynoxide = await startDynoxide(dir);
    opened.defer(() => dynoxide.close());
    const fauxqs = await openFauxqs(dir);
    opened.defer(() => fauxqs.close());
    const journal = new Journal();
    const sqs = withQueueUrls(fauxqs, () => doors.sqs.origin);
    const guard = new Guard();
    const unlimited = withConsumedCapacity(withRegion(dynoxide, region));
    const throttled = throughput === undefined ? undefined : withThrottling(unlimited, { throughput });
    const behind = { region, journal, guard, meter, onDenied: tellOnce(options.log) };
    const doors: Doors = {
      sqs: new FrontDoor({ ...behind, service: 'sqs', emulator: sqs, onAbandoned: returnAbandoned(fauxqs) }),
      s3: new FrontDoor({ ...behind, service: 's3', emulator: withConditionalPuts(withLargePuts(fauxqs)) }),
      dynamodb: new FrontDoor({
        ...behind,
        service: 'dynamodb',
        emulator: throttled?.emulator ?? unlimited,
        onAnswered: (call, response) => onTableEvents?.(tableEvents(call, response)),
      }),
    };
    for (const door of Object.values(doors)) {
      await door.start();
      opened.defer(() => door.stop());
    }
    opened.move();
    const tableLoads = throttled?.loads ?? (() => ({}));
    const { log } = options;
    return new EmbeddedStores({ region, journal, guard, dynoxide, fauxqs, doors, tableLoads, log });
  }

  get permissions(): Permissions {
    return this.#guard.permissions;
  }

  /** From now on; before it only administrators may call. */
  permit(permissions: Permissions): void {
    this.#guard.permit(permissions);
  }

  get endpoints(): Endpoints {
    const { sqs, s3, dynamodb } = this.#doors;
    return { sqs: sqs.origin, s3: s3.origin, dynamodb: dynamodb.origin };
  }

  get outputs(): CloudOutputs {
    return parseOutputs(this.#outputsText);
  }

  get outputsText(): string {
    return this.#outputsText;
  }

  set outputsText(text: string) {
    this.#outputsText = text;
  }

  get processes(): readonly RecordedProcess[] {
    return this.#dynoxide.processes;
  }

  tableLoads(): Readonly<Record<string, TableLoad>> {
    return this.#tableLoads();
  }

  env(principal: string): Record<string, string> {
    return environmentOf(principal, this);
  }

  clients(principal: string): Clients {
    const present = this.#clients.get(principal) ?? clientsOf(principal, this);
    this.#clients.set(principal, present);
    return present;
  }

  async queueDepths(): Promise<Readonly<Record<string, QueueDepth>>> {
    const { sqs } = this.clients(OWN_PRINCIPAL);
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
    const depths = await Promise.all(
      QueueUrls.map(async (url) => [url.split('/').at(-1) ?? url, await depthOf(url, sqs)] as const),
    );
    return Object.fromEntries(depths);
  }

  queueStates(): readonly QueueState[] {
    return this.#fauxqs.queueStates();
  }

  /** Requests that the service has not answered yet, long polls included. */
  inFlight(service: Service): number {
    return this.#doors[service].inFlight;
  }

  async setFault(service: Service, fault: ServiceFault | undefined): Promise<void> {
    await this.#doors[service].setFault(fault);
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const clients of this.#clients.values()) clients[Symbol.dispose]();
    await Promise.all(Object.values(this.#doors).map((door) => door.stop()));
    await this.#fauxqs.close();
    await this.#dynoxide.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** A refusal is news the first time: a component that is refused asks again and again. */
function tellOnce(log: CloudLog): (call: Call, denials: readonly Denial[]) => void {
  const told = new Set<string>();
  return ({ principal, operation }, denials) => {
    for (const { access, text } of denials) {
      const key = `${principal} ${access.action}`;
      if (told.has(key)) continue;
      told.add(key);
      log.warn('access-denied', { principal, operation, ...access, text });
    }
  };
}

async function depthOf(QueueUrl: string, sqs: SQSClient): Promise<QueueDepth> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
    delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed),
  };
}
