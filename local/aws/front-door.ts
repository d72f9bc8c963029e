import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Call } from './access.ts';
import { accessDenied, errorAnswer } from './answer.ts';
import { type CallContext, parseCall } from './call.ts';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';
import type { Denial, Guard } from './guard.ts';
import type { Journal } from './journal.ts';
import type { Meter } from './meter.ts';
import type { Service, ServiceFault } from './service.ts';

/** What is larger is refused with a clear text: an embedded service has it in memory as a whole. */
const BODY_MAX_BYTES = 256 * 1024 * 1024;

export interface DoorOptions {
  readonly service: Service;
  readonly region: string;
  readonly journal: Journal;
  /** Counts what AWS would bill. */
  readonly meter?: Pick<Meter, 'call'> | undefined;
  readonly emulator: Emulator;
  /** Says what a caller may not do; without one a door lets everybody in, as tests of single parts want it. */
  readonly guard?: Guard;
  /** Called for each call that the guard refuses. */
  readonly onDenied?: (call: Call, denials: readonly Denial[]) => void;
  /** Called with each answer, refusals and faults included. */
  readonly onAnswered?: (call: Call, response: EmulatorResponse) => void;
  /** Called when the client of a long poll has gone before the answer: what it was given goes back. */
  readonly onAbandoned?: (request: EmulatorRequest, response: EmulatorResponse) => Promise<void>;
}

/**
 * The one address of a service in a local run. Every component calls through it, so what it names, counts and refuses
 * is all that happened.
 */
export class FrontDoor {
  readonly #options: DoorOptions;
  readonly #server: Server;
  readonly #context: CallContext;
  #port = 0;
  #fault: ServiceFault | undefined;
  #inFlight = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#context = { region: options.region, streamArns: new Map() };
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.keepAliveTimeout = 30_000;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Requests that were not answered yet; long polls count. */
  get inFlight(): number {
    return this.#inFlight;
  }

  async start(): Promise<void> {
    await this.#listen();
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no address on 127.0.0.1');
    this.#port = address.port;
  }

  /** A refused door comes back on its old port, because clients keep the address. */
  async setFault(fault: ServiceFault | undefined): Promise<void> {
    this.#fault = fault;
    if (fault === 'refused') await this.stop();
    else if (!this.#server.listening) await this.#listen();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.#inFlight += 1;
    try {
      const request = await readRequest(incoming);
      const call = parseCall(this.#options.service, request, this.#context);
      const denials = await this.#denials(call);
      const [denial] = denials;
      const response =
        denial === undefined
          ? await this.#answer(call, request)
          : accessDenied(this.#options.service, denial.text);
      this.#options.journal.record(call, {
        status: response.status,
        bytesIn: request.body.length,
        bytesOut: response.body.length,
        denied: denials.map(({ access }) => access),
      });
      if (denial === undefined) this.#options.meter?.call(call, request, response);
      this.#options.onAnswered?.(call, response);
      if (outgoing.destroyed) await this.#options.onAbandoned?.(request, response);
      else send(outgoing, response, request.method);
    } catch (cause) {
      if (!outgoing.destroyed) send(outgoing, unavailable(this.#options.service, String(cause)), 'POST');
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** A service that is away refuses nobody. */
  async #denials(call: Call): Promise<readonly Denial[]> {
    const { guard, onDenied } = this.#options;
    if (guard === undefined || this.#fault !== undefined) return [];
    const denials = await guard.denials(call);
    if (denials.length > 0) onDenied?.(call, denials);
    return denials;
  }

  async #answer(call: Call, request: EmulatorRequest): Promise<EmulatorResponse> {
    const { service, emulator } = this.#options;
    if (this.#fault === 'throttled') return throttled(service);
    if (this.#fault !== undefined) return unavailable(service, 'taken away by a fault switch');
    if (request.body.length > BODY_MAX_BYTES) {
      return errorAnswer(service, {
        status: 413,
        code: 'EntityTooLarge',
        message: `the embedded ${service} takes ${BODY_MAX_BYTES} bytes a request`,
      });
    }
    try {
      return await emulator.handle(request);
    } catch (cause) {
      return unavailable(service, `${call.operation}: ${(cause as Error).message}`);
    }
  }
}

async function readRequest(incoming: IncomingMessage): Promise<EmulatorRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: incoming.method ?? 'GET',
    url: incoming.url ?? '/',
    headers,
    body: Buffer.concat(chunks),
  };
}

/** Not passed on; nor is the wish for a compressed answer, because answers are read here. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'expect',
  'content-length',
  'accept-encoding',
]);

function send(outgoing: ServerResponse, response: EmulatorResponse, method: string): void {
  for (const [name, value] of Object.entries(response.headers)) {
    // A HEAD answer tells the object's length, not its own.
    if (!HOP_BY_HOP.has(name) || (name === 'content-length' && method === 'HEAD'))
      outgoing.setHeader(name, value);
  }
  outgoing.statusCode = response.status;
  outgoing.end(response.body);
}

/**
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
function throttled(service: Service): EmulatorResponse {
  const message = 'throttled by a fault switch';
  if (service === 's3') return errorAnswer(service, { status: 503, code: 'SlowDown', message });
  const code = service === 'sqs' ? 'RequestThrottled' : 'ThrottlingException';
  return errorAnswer(service, { status: 400, code, message });
}

function unavailable(service: Service, message: string): EmulatorResponse {
  return errorAnswer(service, { status: 503, code: 'ServiceUnavailable', message });
}
