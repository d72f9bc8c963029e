import { type FastifyInstance, fastify } from 'fastify';
import type { BridgeStatus } from '../../shared/status.ts';
import type { Log } from '../log.ts';
import { healthOf } from './health.ts';
import { loadLivePage } from './page.ts';

export interface StatusServer extends AsyncDisposable {
  /** For example `http://127.0.0.1:7460`. */
  readonly url: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Names under which this machine reaches itself. */
const OWN_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * Serves `GET /status.json` (shared/status.ts), `GET /healthz` (200, or 503 with the reason) and the live page, on
 * loopback only.
 * @param options.port 0 takes a free one
 * @throws Error with the remedy when the port is taken
 */
export async function startStatusServer(options: {
  readonly port: number;
  readonly status: () => Promise<BridgeStatus>;
  readonly log: Log;
}): Promise<StatusServer> {
  const page = await loadLivePage();
  const server = fastify({ forceCloseConnections: true, bodyLimit: 1024 });
  guard(server, options.log);

  server.get('/status.json', () => options.status());
  server.get('/healthz', async (_request, reply) => {
    const { ok, reason } = healthOf(await options.status());
    return reply.code(ok ? 200 : 503).send({ ok, reason });
  });
  server.get('/', (_request, reply) =>
    reply
      .header('content-security-policy', page.contentSecurityPolicy)
      .type('text/html; charset=utf-8')
      .send(page.html),
  );

  const url = await listen(server, options.port);
  options.log.info('status-listening', { url });
  const close = () => server.close();
  return { url, close, [Symbol.asyncDispose]: close };
}

/**
 * A page of another site must not read this one by giving itself our address under a name of its own (DNS
 * rebinding): only names of this machine are answered. Any port is, it may be forwarded over ssh.
 */
function guard(server: FastifyInstance, log: Log): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    if (!OWN_NAMES.has(hostnameOf(request.headers.host))) {
      return reply.code(421).send({ error: 'ask for 127.0.0.1 or localhost' });
    }
  });
  server.setErrorHandler((fault: Error, _request, reply) => {
    log.warn('status-failed', { fault: fault.message });
    return reply.code(503).send({ ok: false, reason: fault.message });
  });
}

function hostnameOf(host: string | undefined): string {
  return URL.parse(`http://${host ?? ''}`)?.hostname ?? '';
}

async function listen(server: FastifyInstance, port: number): Promise<string> {
  try {
    return await server.listen({ host: HOST, port });
  } catch (cause) {
    await server.close();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new Error(
      `port ${port} for the status page is in use: stop the other bridge, or set status.port (SLOTWISE_STATUS_PORT), 0 for a free one`,
      { cause },
    );
  }
}
