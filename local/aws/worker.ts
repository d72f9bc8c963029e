import { existsSync, realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { InvokeMessage, WorkerMessage, WorkerStart } from './worker-messages.ts';

/**
 * The thread in which a function's bundle runs, as a file and never as `eval`: an eval worker has a global `require`,
 * and a bundle that lacks one would pass here and die in Lambda.
 */
type Handler = (event: unknown, context: object) => unknown;

const { code, handler } = workerData as WorkerStart;
if (parentPort === null) throw new Error('worker.ts runs as a worker thread only');
const port = parentPort;

confine(realpathSync(code));
const loaded = load();
loaded.then(ready, ready);

port.on('message', (message: InvokeMessage) => void answer(message));

function ready(): void {
  port.postMessage({ type: 'ready' } satisfies WorkerMessage);
}

async function answer(message: InvokeMessage): Promise<void> {
  const { requestId } = message;
  let reply: WorkerMessage;
  try {
    const handle = await loaded;
    const before = process.threadCpuUsage();
    const response = await handle(JSON.parse(message.event), contextOf(message));
    const { user, system } = process.threadCpuUsage(before);
    const { total_heap_size, external_memory } = getHeapStatistics();
    reply = {
      type: 'response',
      requestId,
      body: JSON.stringify(response) ?? 'null',
      memoryBytes: total_heap_size + external_memory,
      cpuMs: (user + system) / 1000,
    };
  } catch (cause) {
    reply = { type: 'fault', requestId, fault: describe(cause) };
  }
  port.postMessage(reply);
}

async function load(): Promise<Handler> {
  const dot = handler.lastIndexOf('.');
  const [file, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const path = ['.mjs', '.js', '.cjs'].map((end) => join(code, `${file}${end}`)).find(existsSync);
  if (path === undefined)
    throw new Error(`Runtime.ImportModuleError: the asset has no ${file}.mjs, .js or .cjs`);
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const found = module[name] ?? (module.default as Record<string, unknown> | undefined)?.[name];
  if (typeof found === 'function') return found as Handler;
  throw new Error(`Runtime.HandlerNotFound: ${path} exports no function "${name}"`);
}

/**
 * In Lambda there is nothing but the asset. Here the module search would climb up to the repository's node_modules,
 * and a package that was left out of the bundle would be found. A `.js` file without a package.json of its own is
 * CommonJS, whatever the repository around it is.
 */
function confine(root: string): void {
  const inside = pathToFileURL(`${root}/`).href;
  const isPackage = existsSync(join(root, 'package.json'));
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const resolved = nextResolve(specifier, context);
      if (resolved.url.startsWith('node:')) return resolved;
      if (!resolved.url.startsWith(inside)) {
        throw new Error(
          `Runtime.ImportModuleError: "${specifier}" is not in the asset, and Lambda has nothing else`,
        );
      }
      if (resolved.url.endsWith('.js') && !isPackage) return { ...resolved, format: 'commonjs' };
      return resolved;
    },
  });
}

/** https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
function contextOf(message: InvokeMessage): object {
  const startedAt = performance.now();
  return {
    functionName: message.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: message.functionArn,
    memoryLimitInMB: String(message.memoryMb),
    awsRequestId: message.requestId,
    logGroupName: `/aws/lambda/${message.functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, message.timeoutMs - (performance.now() - startedAt)),
  };
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? `${cause.name}: ${cause.message}`) : String(cause);
}
