import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { environmentOf } from './clients.ts';
import type { FunctionStatistics } from './cloud-types.ts';
import type { FunctionLog } from './function-log.ts';
import { componentOf, type Meter } from './meter.ts';
import type { InvocationRecord } from './metrics/service-metrics.ts';
import type { FunctionPlan } from './plan.ts';
import type { Endpoints } from './service.ts';
import type { InvokeMessage, WorkerMessage, WorkerStart } from './worker-messages.ts';

const WORKER = new URL('./worker.ts', import.meta.url);

/** As Lambda gives a function for its INIT phase. */
const INIT_DEADLINE_MS = 10_000;

export type Invocation =
  | { readonly ok: true; readonly requestId: string; readonly response: unknown }
  /** The handler threw, took too long or took its thread with it: the whole batch failed. */
  | { readonly ok: false; readonly requestId: string; readonly fault: string };

/**
 * A function's execution environments: worker threads that run the asset's own bundle, one invocation at a time each,
 * kept warm and replaced when they crash or time out. As many as its callers invoke at once.
 */
export class FunctionPool {
  readonly plan: FunctionPlan;
  readonly #log: FunctionLog;
  readonly #meter: Pick<Meter, 'invoked'> | undefined;
  readonly #onInvoked: (record: InvocationRecord) => void;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  /** In the middle of an invocation. */
  readonly #busy = new Set<Worker>();
  #invocations = 0;
  #errors = 0;
  #timeouts = 0;
  #workersReplaced = 0;
  #memoryMaxBytes = 0;

  constructor(
    plan: FunctionPlan,
    options: {
      readonly log: FunctionLog;
      readonly endpoints: Endpoints;
      readonly region: string;
      readonly meter?: Pick<Meter, 'invoked'>;
      readonly onInvoked: (record: InvocationRecord) => void;
    },
  ) {
    this.#onInvoked = options.onInvoked;
    this.plan = plan;
    this.#log = options.log;
    this.#meter = options.meter;
    this.#environment = {
      ...lambdaVariables(plan),
      ...environmentOf(plan.principal, options),
      ...plan.environment,
    };
  }

  statistics(): FunctionStatistics {
    return {
      logicalId: this.plan.logicalId,
      invocations: this.#invocations,
      errors: this.#errors,
      timeouts: this.#timeouts,
      workersReplaced: this.#workersReplaced,
      memoryMaxBytes: this.#memoryMaxBytes,
    };
  }

  /** Never rejects: a failed invocation is an expected outcome. */
  async invoke(event: unknown): Promise<Invocation> {
    this.#invocations += 1;
    const requestId = randomUUID();
    const worker = this.#idle.pop() ?? (await this.#start());
    const startedAt = Date.now();
    const outcome = await this.#run(worker, { requestId, event: JSON.stringify(event) });
    this.#meter?.invoked({
      component: componentOf(this.plan.principal),
      records: recordsIn(event),
      cpuMs: outcome.type === 'response' ? outcome.cpuMs : 0,
      memoryMb: this.plan.memoryMb,
    });
    const durationMs = Date.now() - startedAt;
    this.#onInvoked({ functionName: this.plan.name, startedAt, durationMs, ok: outcome.type === 'response' });
    if (outcome.type === 'lost') {
      this.#workersReplaced += 1;
      if (outcome.isTimeout) this.#timeouts += 1;
      await worker.terminate();
    } else if (this.#all.has(worker)) {
      this.#idle.push(worker);
    }
    if (outcome.type === 'response') {
      this.#memoryMaxBytes = Math.max(this.#memoryMaxBytes, outcome.memoryBytes);
      return { ok: true, requestId, response: JSON.parse(outcome.body) };
    }
    this.#errors += 1;
    this.#log.write(`ERROR ${requestId} ${outcome.fault}`);
    return { ok: false, requestId, fault: outcome.fault };
  }

  /** Ends a worker at once, a busy one where there is any. @returns what it was doing; undefined where there is none */
  async kill(): Promise<'busy' | 'idle' | undefined> {
    const [busy] = this.#busy;
    const worker = busy ?? this.#idle[0];
    await worker?.terminate();
    if (worker === undefined) return undefined;
    return worker === busy ? 'busy' : 'idle';
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  /** Loading the bundle does not count against the function's timeout; a thread that dies of it answers by its exit. */
  async #start(): Promise<Worker> {
    const { code, handler, memoryMb } = this.plan;
    const worker = new Worker(WORKER, {
      workerData: { code, handler } satisfies WorkerStart,
      env: { ...this.#environment },
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    // A handler that listens to many signals is not a leak of ours; a crash while idle ends here.
    worker.on('error', (cause) =>
      this.#log.write(`ERROR worker crashed: ${(cause as Error).stack ?? cause}`),
    );
    worker.once('exit', () => {
      this.#all.delete(worker);
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    this.#log.capture(worker.stdout);
    this.#log.capture(worker.stderr);
    this.#all.add(worker);
    const ready = new AbortController();
    await Promise.race([
      once(worker, 'message', { signal: ready.signal }),
      once(worker, 'exit', { signal: ready.signal }),
      delay(INIT_DEADLINE_MS, undefined, { signal: ready.signal }),
    ]).catch(() => {});
    ready.abort();
    return worker;
  }

  #run(worker: Worker, request: { readonly requestId: string; readonly event: string }): Promise<Outcome> {
    const { timeoutMs, name, arn, memoryMb } = this.plan;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const onMessage = (reply: WorkerMessage) => {
      if (reply.type !== 'ready' && reply.requestId === request.requestId) resolve(reply);
    };
    const lost = (fault: string, isTimeout = false) => resolve({ type: 'lost', fault, isTimeout });
    const onError = (cause: unknown) => lost(`crashed: ${String(cause)}`);
    const onExit = (code: number) => lost(`ended with code ${code}`);
    const timer = setTimeout(() => lost(`Task timed out after ${timeoutMs / 1000} seconds`, true), timeoutMs);
    if (!this.#all.has(worker)) lost('ended while it loaded');
    worker.on('message', onMessage).once('error', onError).once('exit', onExit);
    this.#busy.add(worker);
    worker.postMessage({
      ...request,
      timeoutMs,
      functionName: name,
      functionArn: arn,
      memoryMb,
    } satisfies InvokeMessage);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#busy.delete(worker);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    });
  }
}

/** An event of a queue or a stream has a list of them. */
function recordsIn(event: unknown): number {
  const { Records } = (event ?? {}) as { readonly Records?: unknown };
  return Array.isArray(Records) ? Records.length : 0;
}

type Outcome =
  | Exclude<WorkerMessage, { readonly type: 'ready' }>
  /** The thread is gone, or must go. */
  | { readonly type: 'lost'; readonly fault: string; readonly isTimeout: boolean };

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
function lambdaVariables(plan: FunctionPlan): Record<string, string> {
  return {
    _HANDLER: plan.handler,
    AWS_EXECUTION_ENV: `AWS_Lambda_${plan.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: plan.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(plan.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${plan.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: plan.code,
    TZ: 'UTC',
  };
}
