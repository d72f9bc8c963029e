import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, startTimeOf } from '../../cli/process.ts';
import type { RecordedProcess } from './cloud-types.ts';
import { findDynoxide } from './dynoxide-binary.ts';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';

const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5000;
/** A free port is only free until somebody else takes it. */
const START_ATTEMPTS = 3;
const LEASH = fileURLToPath(new URL('./leash.ts', import.meta.url));

export interface Dynoxide extends Emulator {
  /** The server and its leash: what a lock on the state directory may have to end. */
  readonly processes: readonly RecordedProcess[];
  /** Resolves when the server is gone, whoever ended it. */
  readonly ended: Promise<void>;
}

/**
 * Starts DynamoDB with Streams on `dir/dynoxide.db`, on a leash, so that it never outlives this process.
 * @throws Error of one line with the remedy when there is no binary or it does not come up
 */
export async function startDynoxide(dir: string): Promise<Dynoxide> {
  const binary = findDynoxide(process.env);
  mkdirSync(dir, { recursive: true });
  const log = join(dir, 'dynoxide.log');
  let fault = '';
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const started = await startOn({ binary, dir, log, port });
    if (typeof started !== 'string') return serve(started, port);
    fault = started;
  }
  throw new Error(`the DynamoDB emulator ${binary} does not start: ${fault}; it says why in ${log}`);
}

interface Started {
  readonly leash: ChildProcess;
  readonly processes: readonly RecordedProcess[];
}

/** @returns what went wrong as a text */
async function startOn(options: {
  readonly binary: string;
  readonly dir: string;
  readonly log: string;
  readonly port: number;
}): Promise<Started | string> {
  const logFile = openSync(options.log, 'a', 0o600);
  const database = join(options.dir, 'dynoxide.db');
  const server = [options.binary, '--host', '127.0.0.1', '--port', `${options.port}`, '--db-path', database];
  const leash = spawn(process.execPath, [LEASH, 'Dynoxide listening on', ...server], {
    detached: true,
    stdio: ['pipe', 'pipe', logFile],
  });
  closeSync(logFile);
  // The pipe's other end may be gone at any time: its exit is what counts.
  leash.stdin?.on('error', () => {});
  const pid = await readyPid(leash);
  if (typeof pid === 'string') {
    leash.stdin?.end();
    return pid;
  }
  const processes: RecordedProcess[] = [];
  for (const [name, id] of [
    ['dynoxide', pid],
    ['dynoxide leash', leash.pid ?? 0],
  ] as const) {
    const startTime = startTimeOf(id);
    if (startTime !== undefined) processes.push({ name, pid: id, startTime });
  }
  return { leash, processes };
}

async function readyPid(leash: ChildProcess): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const deadline = setTimeout(() => resolve(`silent for ${START_DEADLINE_MS} ms`), START_DEADLINE_MS);
  let printed = '';
  leash.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    const ready = /^ready (\d+)$/m.exec(printed);
    if (ready) resolve(Number(ready[1]));
  });
  leash.once('error', (cause) => resolve(cause.message));
  leash.once('exit', (code) => resolve(`ended with code ${code}`));
  return promise.finally(() => clearTimeout(deadline));
}

function serve({ leash, processes }: Started, port: number): Dynoxide {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ended = leash.exitCode === null ? once(leash, 'exit').then(() => {}) : Promise.resolve();
  return {
    processes,
    ended,
    handle: (request) => forward(request, { port, agent }),
    close: async () => {
      agent.destroy();
      leash.stdin?.end();
      const deadline = setTimeout(() => leash.kill('SIGKILL'), STOP_DEADLINE_MS);
      await ended;
      clearTimeout(deadline);
      // A leash that was killed could not do its work.
      for (const left of processes.filter(isAlive)) process.kill(left.pid, 'SIGKILL');
    },
  };
}

function forward(
  request: EmulatorRequest,
  to: { readonly port: number; readonly agent: Agent },
): Promise<EmulatorResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: to.port,
        agent: to.agent,
        method: request.method,
        path: request.url,
        headers: { ...request.headers, 'content-length': request.body.length },
      },
      (response) => readResponse(response).then(resolve, reject),
    );
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

async function readResponse(response: IncomingMessage): Promise<EmulatorResponse> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: response.statusCode ?? 502, headers, body: Buffer.concat(chunks) };
}

/** dynoxide takes a port and does not say which one it got for 0. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}
