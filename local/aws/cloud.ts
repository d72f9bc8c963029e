import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_METRICS } from '../../shared/local-metrics.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { readAssembly, type Stack } from './assembly.ts';
import { pause } from './backoff.ts';
import { Checkpoint } from './checkpoint.ts';
import type {
  CloudLog,
  CloudOptions,
  FunctionStatistics,
  LocalCloud,
  TriggerStatistics,
} from './cloud-types.ts';
import { EmbeddedStores } from './embedded-stores.ts';
import { EMULATED_ACCOUNT } from './emulators.ts';
import { FunctionLog } from './function-log.ts';
import { componentOf, Meter } from './meter.ts';
import { planMonitoring } from './metrics/monitoring.ts';
import { MetricRecorder } from './metrics/recorder.ts';
import { unusedGrants } from './permission-audit.ts';
import { planPermissions } from './permissions.ts';
import { type FunctionPlan, type FunctionsPlan, planFunctions, planStores } from './plan.ts';
import { provision } from './provision.ts';
import { QueueTrigger } from './queue-trigger.ts';
import { ScheduleTrigger } from './schedule-trigger.ts';
import { standingOf } from './standing.ts';
import { keepForLater, SILENT } from './stores.ts';
import { StreamTrigger } from './stream-trigger.ts';
import { CloudTemplate } from './template.ts';
import { FunctionPool } from './workers.ts';

const DEFAULT_REGION = 'us-east-1';
/** Lambda begins with five pollers; two are enough for batches that overlap, on a machine of two cores. */
const CONCURRENCY = 2;
const STREAM_POLL_MS = 50;
const STREAM_RETRY_MS = 100;
/** For batches in work when the run stops; what is not done by then is delivered again by the next run. */
const STOP_DEADLINE_MS = 10_000;
const IDLE_POLL_MS = 50;

/**
 * Starts the embedded AWS of a synthesized cloud assembly: queues, tables and buckets of the template, its functions
 * in worker threads, its event source mappings.
 * @throws TemplateFault naming logical id and property when the template holds something that is not understood
 * @throws Error of one line with the remedy when the DynamoDB emulator cannot be started
 */
export async function startCloud(options: CloudOptions): Promise<LocalCloud> {
  const stacks = readAssembly(options.assembly);
  const region = regionOf(stacks, options.region);
  const log = options.log ?? SILENT;
  await using opened = new AsyncDisposableStack();
  // The template is read twice: its faults show before anything starts, its addresses are known only afterwards.
  checkTemplate(stacks, region);
  const meter = new Meter({
    file: join(options.dir, LOCAL_RUN.usageFile),
    standing: standingOf(stacks),
  });
  const metrics = new MetricRecorder({ dir: options.dir, clock: options.metricClock });
  const onTableEvents = metrics.services.tables.bind(metrics.services);
  const stores = opened.use(
    await EmbeddedStores.open({
      dir: options.dir,
      region,
      log,
      meter,
      onTableEvents,
      ...(options.throughput !== undefined && { throughput: options.throughput }),
    }),
  );
  const streams = new Map<string, string>();
  const template = new CloudTemplate(stacks, {
    region,
    sqsOrigin: stores.endpoints.sqs,
    streamArn: (table) => streams.get(table),
  });
  const storesPlan = planStores(template);
  for (const stream of await provision(storesPlan, stores.clients('local-run'))) streams.set(...stream);
  const plan = planFunctions(template, storesPlan);
  stores.permit(planPermissions(template, plan, storesPlan));
  const outputs = template.outputs();
  stores.outputsText = `${JSON.stringify(outputs, undefined, 2)}\n`;
  keepForLater(options.dir, stores, outputs);
  writeFileSync(join(options.dir, LOCAL_METRICS.monitoringFile), JSON.stringify(planMonitoring(template)), {
    mode: 0o600,
  });
  const cloud = new Cloud(stores, plan, { ...options, log, meter, metrics });
  cloud.start();
  opened.move();
  log.info('cloud-started', { region, functions: plan.functions.length, mappings: plan.mappings.length });
  return cloud;
}

function regionOf(stacks: readonly Stack[], chosen: string | undefined): string {
  const explicit = new Set(stacks.flatMap(({ region }) => (region === undefined ? [] : [region])));
  if (explicit.size > 1) {
    throw new Error(`the stacks are in several regions (${[...explicit].join(', ')}): a local run has one`);
  }
  return [...explicit][0] ?? chosen ?? DEFAULT_REGION;
}

/** Everything is resolved once, with addresses that mean nothing. */
function checkTemplate(stacks: readonly Stack[], region: string): void {
  const template = new CloudTemplate(stacks, {
    region,
    sqsOrigin: 'http://127.0.0.1',
    streamArn: (table) => `arn:aws:dynamodb:${region}:${EMULATED_ACCOUNT}:table/${table}/stream/not-yet`,
  });
  const stores = planStores(template);
  planPermissions(template, planFunctions(template, stores), stores);
  planMonitoring(template);
  template.outputs();
}

class Cloud implements LocalCloud {
  readonly meter: Meter;
  readonly #stores: EmbeddedStores;
  readonly #pools: ReadonlyMap<FunctionPlan, FunctionPool>;
  readonly #log: CloudLog;
  readonly #metrics: MetricRecorder;
  readonly #queueTriggers: readonly QueueTrigger[];
  readonly #streamTriggers: readonly StreamTrigger[];
  readonly #scheduleTriggers: readonly ScheduleTrigger[];
  readonly #listeners = new Set<(functionName: string, line: string) => void>();
  #stopped: Promise<void> | undefined;

  constructor(
    stores: EmbeddedStores,
    plan: FunctionsPlan,
    options: CloudOptions & {
      readonly log: CloudLog;
      readonly meter: Meter;
      readonly metrics: MetricRecorder;
    },
  ) {
    this.#stores = stores;
    this.meter = options.meter;
    const { region, endpoints } = stores;
    const { log, meter, metrics } = options;
    this.#log = log;
    this.#metrics = metrics;
    const onInvoked = metrics.services.invoked.bind(metrics.services);
    this.#pools = new Map(
      plan.functions.map((each) => {
        const functionLog = new FunctionLog(join(options.dir, 'functions'), each.name, (line) => {
          metrics.services.printed(line);
          meter.logged(componentOf(each.principal), Buffer.byteLength(line) + 1);
          for (const listener of this.#listeners) listener(each.name, line);
        });
        return [each, new FunctionPool(each, { log: functionLog, endpoints, region, meter, onInvoked })];
      }),
    );
    const poolOf = (each: FunctionPlan): FunctionPool => {
      const pool = this.#pools.get(each);
      if (pool === undefined) throw new RangeError(`no pool for ${each.name}`);
      return pool;
    };
    this.#queueTriggers = plan.mappings
      .filter((mapping) => mapping.kind === 'queue')
      .map(
        (mapping) =>
          new QueueTrigger(mapping, {
            // Lambda polls in the name of the function's role.
            sqs: stores.clients(mapping.function.principal).sqs,
            pool: poolOf(mapping.function),
            region,
            concurrency: options.concurrency ?? CONCURRENCY,
            log,
          }),
      );
    this.#scheduleTriggers = plan.schedules.map(
      (schedule) => new ScheduleTrigger(schedule, { pool: poolOf(schedule.function), log }),
    );
    this.#streamTriggers = plan.mappings
      .filter((mapping) => mapping.kind === 'stream')
      .map((mapping) => {
        const { streams, sqs } = stores.clients(mapping.function.principal);
        const file = join(options.dir, 'checkpoints', `${mapping.logicalId}.json`);
        return new StreamTrigger(mapping, {
          streams,
          sqs,
          pool: poolOf(mapping.function),
          checkpoint: new Checkpoint(file, mapping.sourceArn),
          region,
          pollMs: options.streamPollMs ?? STREAM_POLL_MS,
          retryMs: options.streamRetryMs ?? STREAM_RETRY_MS,
          log,
          onBatch: (recordAt) => metrics.services.streamed(mapping.function.name, recordAt),
        });
      });
  }

  get endpoints() {
    return this.#stores.endpoints;
  }

  get region() {
    return this.#stores.region;
  }

  get journal() {
    return this.#stores.journal;
  }

  get permissions() {
    return this.#stores.permissions;
  }

  get outputs() {
    return this.#stores.outputs;
  }

  get outputsText() {
    return this.#stores.outputsText;
  }

  get processes() {
    return this.#stores.processes;
  }

  start(): void {
    this.meter.start();
    this.#metrics.start(() => this.#stores.queueStates());
    for (const trigger of this.#startable()) trigger.start();
  }

  measure(): void {
    this.#metrics.measure();
  }

  env(principal: string) {
    return this.#stores.env(principal);
  }

  clients(principal: string) {
    return this.#stores.clients(principal);
  }

  queueDepths() {
    return this.#stores.queueDepths();
  }

  setFault(...fault: Parameters<LocalCloud['setFault']>) {
    return this.#stores.setFault(...fault);
  }

  unusedGrants() {
    return unusedGrants(this.permissions, this.journal.accesses());
  }

  functions(): Readonly<Record<string, FunctionStatistics>> {
    return Object.fromEntries([...this.#pools].map(([{ name }, pool]) => [name, pool.statistics()]));
  }

  triggers(): readonly TriggerStatistics[] {
    return [...this.#queueTriggers, ...this.#streamTriggers].map((trigger) => trigger.statistics());
  }

  tableLoads() {
    return this.#stores.tableLoads();
  }

  async fire(schedule: string): Promise<unknown> {
    const found = this.#scheduleTriggers.find(({ plan }) => plan.logicalId.startsWith(schedule));
    if (found === undefined) throw new RangeError(`the template has no schedule ${schedule}`);
    const outcome = await found.fire();
    if (!outcome.ok) throw new Error(`${found.plan.name}: ${outcome.fault}`);
    return outcome.response;
  }

  async killWorker(functionName: string): Promise<'busy' | 'idle' | undefined> {
    const found = [...this.#pools].find(([{ name }]) => name === functionName);
    if (found === undefined) throw new RangeError(`the template has no function ${functionName}`);
    return found[1].kill();
  }

  onFunctionLine(listener: (functionName: string, line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async idle(signal: AbortSignal): Promise<void> {
    using hurrying = new DisposableStack();
    for (const trigger of this.#queueTriggers) hurrying.use(trigger.hurry());
    // A stream that was read to its end after this moment has handed on all that was written before it.
    const before = this.#streamTriggers.map(({ emptyReads }) => emptyReads);
    // Queues are read one by one: a message that moves to its dead-letter queue meanwhile could be in neither.
    for (let quiet = 0; quiet < 2; ) {
      signal.throwIfAborted();
      const isRead = this.#streamTriggers.every(
        (trigger, index) => !trigger.isBusy && trigger.emptyReads > (before[index] ?? 0),
      );
      quiet = isRead && (await this.#queuesAreEmpty()) ? quiet + 1 : 0;
      if (quiet < 2) await pause(IDLE_POLL_MS, signal);
    }
  }

  #startable() {
    return [...this.#queueTriggers, ...this.#streamTriggers, ...this.#scheduleTriggers];
  }

  /** Messages in a collector's hands are in flight, so an empty queue says that nobody has any. */
  async #queuesAreEmpty(): Promise<boolean> {
    const depths = await this.queueDepths();
    return this.#queueTriggers.every(({ source, isBusy }) => {
      const depth = depths[source];
      return !isBusy && depth !== undefined && depth.visible + depth.inFlight + depth.delayed === 0;
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.meter.stop();
    const finished = Promise.all(this.#startable().map((trigger) => trigger.stop()));
    const inTime = new AbortController();
    await Promise.race([finished, pause(STOP_DEADLINE_MS, inTime.signal)]);
    inTime.abort();
    this.#metrics.stop();
    // What is still in work fails with its thread; its messages are delivered again by the next run.
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
    await finished;
    const unused = await this.unusedGrants();
    this.#log.info('grants-unused', {
      unexplained: unused.filter(({ reason }) => reason === undefined),
      explained: unused.filter(({ reason }) => reason !== undefined).length,
    });
    await this.#stores.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
