import { parentPort, workerData } from 'node:worker_threads';
import { LockedOutbox, runningFault } from './database.ts';
import type { FaultReport, Reply, Request } from './protocol.ts';
import { OutboxStore, type StoreOptions } from './store.ts';

/** The outbox's thread: one call after the other, in the order in which they came. */
function serve(options: StoreOptions, reply: (message: Reply) => void): (request: Request) => void {
  let store: OutboxStore;
  try {
    store = new OutboxStore(options);
  } catch (cause) {
    reply({ type: 'unopened', fault: report(cause) });
    return () => {};
  }
  reply({ type: 'opened', opening: store.opening });
  return (request) => {
    try {
      reply({ type: 'answer', id: request.id, value: answer(store, request) });
    } catch (cause) {
      reply({ type: 'fault', id: request.id, fault: report(cause) });
    }
  };
}

function answer(store: OutboxStore, request: Request): unknown {
  switch (request.name) {
    case 'committed':
      return store.committed();
    case 'commitPositions':
      return store.commitPositions(...request.args);
    case 'append':
      return store.append(...request.args);
    case 'putHeartbeat':
      return store.putHeartbeat(...request.args);
    case 'putLedgers':
      return store.putLedgers();
    case 'peek':
      return store.peek(...request.args);
    case 'acknowledge':
      return store.acknowledge(...request.args);
    case 'refuse':
      return store.refuse(...request.args);
    case 'status':
      return store.status();
    case 'close':
      return store.close();
    default:
      return request satisfies never;
  }
}

function report(cause: unknown): FaultReport {
  const fault = runningFault(cause);
  const { disposition, message } = fault;
  return { disposition, message, ...(fault instanceof LockedOutbox && { isLocked: true }) };
}

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread: openOutbox() starts it');
const handle = serve(workerData as StoreOptions, (message) => port.postMessage(message));
port.on('message', handle);
