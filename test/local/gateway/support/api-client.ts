import { EventName, IBApi } from '@stoqey/ib';
import { eventually } from '../../../support/eventually.ts';

export interface ApiEvent {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The real client library on a socket, with everything that it said written down. */
export class ApiClient implements Disposable {
  readonly api: IBApi;
  readonly events: ApiEvent[] = [];

  constructor(port: number, clientId = 1) {
    this.api = new IBApi({ host: '127.0.0.1', port, clientId, maxReqPerSec: 40 });
    this.api.on(EventName.all, (name: string, args: unknown[]) => {
      if (name !== EventName.sent && name !== EventName.received) this.events.push({ name, args });
    });
    // Without a listener of its own an error event would be thrown.
    this.api.on(EventName.error, () => {});
  }

  connect(): this {
    this.api.connect();
    return this;
  }

  [Symbol.dispose](): void {
    this.api.disconnect();
  }

  /** @returns every event of that name so far, as argument lists */
  all(name: EventName): (readonly unknown[])[] {
    return this.events.filter((event) => event.name === name).map(({ args }) => args);
  }

  /** @returns the first event that fits, past ones included */
  waitFor(name: EventName, fits: (...args: unknown[]) => boolean = () => true): Promise<readonly unknown[]> {
    return eventually(() => this.all(name).find((args) => fits(...args)), { what: name, deadlineMs: 5000 });
  }

  /** @returns the text of an error with this code on this request */
  async refusal(reqId: number, code: number): Promise<string> {
    const [error] = await this.waitFor(EventName.error, (_, at, id) => at === code && id === reqId);
    return (error as Error).message;
  }

  ready(): Promise<readonly unknown[]> {
    return this.waitFor(EventName.nextValidId);
  }
}

/** @returns a client after nextValidId */
export async function connectClient(port: number, clientId = 1): Promise<ApiClient> {
  const client = new ApiClient(port, clientId).connect();
  await client.ready();
  return client;
}
