import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { onTestFinished } from 'vitest';

/** Embedded SQS on a port of its own with one standard queue. */
export interface TestQueue {
  readonly server: FauxqsServer;
  readonly url: string;
  readonly endpoint: string;
  bodies(): string[];
}

const NAME = 'queue';

export async function startQueue(
  options: { readonly port?: number; readonly attributes?: Record<string, string> } = {},
): Promise<TestQueue> {
  const server = await startFauxqs({ port: options.port ?? 0, logger: false });
  onTestFinished(() => server.stop());
  const { queueUrl } = server.createQueue(NAME, { attributes: options.attributes ?? {} });
  return {
    server,
    url: queueUrl,
    endpoint: `http://127.0.0.1:${server.port}`,
    bodies: () => {
      const { ready = [], inflight = [] } = server.inspectQueue(NAME)?.messages ?? {};
      return [...ready, ...inflight.map(({ message }) => message)].map(({ body }) => body);
    },
  };
}

export function sqsClient(endpoint: string): SQSClient {
  const client = new SQSClient({
    endpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  onTestFinished(() => client.destroy());
  return client;
}

export interface Exchange {
  readonly body: string;
  /** Sends the request on, changed if wanted. */
  forward(body?: string): Promise<{ readonly status: number; readonly body: string }>;
  answer(status: number, body: string): void;
  /** The connection ends without an answer. */
  hangUp(): void;
}

/** A way to the service that a test can break: each request is handed to `handle`. */
export async function startFaultyWay(
  target: string,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<string> {
  const server = createServer((incoming, response) => void relay(target, incoming, response, handle));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function relay(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  const body = await textOf(incoming);
  await handle({
    body,
    forward: async (changed = body) => {
      const { 'content-length': _length, ...headers } = incoming.headers;
      const outgoing = request(target, {
        method: incoming.method ?? 'POST',
        path: incoming.url ?? '/',
        headers,
      });
      outgoing.end(changed);
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      return { status: answer.statusCode ?? 0, body: await textOf(answer) };
    },
    answer: (status, text) =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text),
    hangUp: () => response.destroy(),
  });
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
