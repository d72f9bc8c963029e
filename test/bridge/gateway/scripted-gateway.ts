import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/**
 * The smallest server that speaks the TWS API: it does what a test's script says, bytes and faults included, where
 * the simulated gateway does what a gateway would do. Frames: 4-byte length, then NUL-terminated fields.
 */
export interface ScriptedGateway extends AsyncDisposable {
  readonly port: number;
  /** Every frame after the greeting, of all connections, as fields. */
  readonly received: readonly Received[];
  /** Connections accepted since the start. */
  readonly connections: number;
  readonly clients: readonly ScriptedClient[];
  /** To every client that is connected. */
  send(...fields: readonly (string | number)[]): void;
}

interface Received {
  readonly fields: readonly string[];
  readonly atMs: number;
  /** Counts connections from 1. */
  readonly connection: number;
}

export interface ScriptedClient {
  readonly connection: number;
  send(...fields: readonly (string | number)[]): void;
  /** Bytes as they are. */
  write(bytes: Buffer): void;
  /** Closes in order. */
  end(): void;
  /** Resets the connection. */
  reset(): void;
}

export interface Script {
  /** Takes the greeting's place. @returns true when it has answered, or means to stay silent */
  readonly greet?: (client: ScriptedClient) => boolean;
  /** @returns true when it has answered, or means to stay silent; else the default answers */
  readonly answer?: (fields: readonly string[], client: ScriptedClient) => boolean;
  readonly accounts?: string;
}

export const START_API = '71';
export const REQ_POSITIONS = '61';
export const REQ_CURRENT_TIME = '49';
export const REQ_CONTRACT_DATA = '9';

export async function startScriptedGateway(script: Script = {}): Promise<ScriptedGateway> {
  const { accounts = 'DU9000001' } = script;
  const received: Received[] = [];
  const clients = new Map<Socket, ScriptedClient>();
  let connections = 0;

  const server = createServer((socket) => {
    connections += 1;
    const client = scriptedClient(socket, connections);
    clients.set(socket, client);
    socket.on('close', () => clients.delete(socket));
    socket.on('error', () => socket.destroy());
    readFrames(socket, {
      greeting: () => {
        if (script.greet?.(client) !== true) client.send(193, '20260729 09:30:00 US/Eastern');
      },
      frame: (fields) => {
        received.push({ fields, atMs: performance.now(), connection: client.connection });
        if (script.answer?.(fields, client) === true) return;
        if (fields[0] === START_API) {
          client.send(15, 1, accounts);
          client.send(9, 1, 1);
        }
        if (fields[0] === REQ_CURRENT_TIME) client.send(49, 1, Math.floor(Date.now() / 1000));
      },
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    port: address.port,
    received,
    get connections() {
      return connections;
    },
    get clients() {
      return [...clients.values()];
    },
    send: (...fields) => {
      for (const client of clients.values()) client.send(...fields);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of clients.keys()) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function scriptedClient(socket: Socket, connection: number): ScriptedClient {
  return {
    connection,
    send: (...fields) => void socket.write(encodeFrame(fields)),
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

export function encodeFrame(fields: readonly (string | number)[]): Buffer {
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(''));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function readFrames(
  socket: Socket,
  on: { readonly greeting: () => void; readonly frame: (fields: readonly string[]) => void },
): void {
  let pending: Buffer = Buffer.alloc(0);
  let greeted = false;
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    if (!greeted && pending.subarray(0, 4).toString() === 'API\0') pending = pending.subarray(4);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const end = 4 + pending.readUInt32BE();
      const text = pending.subarray(4, end).toString();
      pending = pending.subarray(end);
      if (greeted) on.frame(text.split('\0').slice(0, -1));
      else on.greeting();
      greeted = true;
    }
  });
}
