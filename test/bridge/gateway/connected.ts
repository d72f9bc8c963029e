import { GatewayConnection } from '../../../bridge/gateway/connection.ts';
import type { GatewayEvent } from '../../../bridge/gateway/events.ts';
import { CONNECTION_DEFAULTS, type ConnectionSettings } from '../../../bridge/gateway/settings.ts';
import { recordingLog } from '../../support/log.ts';

type EventOf<T extends GatewayEvent['type']> = Extract<GatewayEvent, { type: T }>;

/** Patient where a test does not want to wait, impatient where it does. */
const SETTINGS: ConnectionSettings = {
  ...CONNECTION_DEFAULTS,
  handshakeDeadlineMs: 5_000,
  heartbeatPeriodMs: 60_000,
  heartbeatDeadlineMs: 5_000,
  backoffMinMs: 10,
  backoffMaxMs: 40,
  breakerThreshold: 3,
  breakerPeriodMs: 60,
};

/** A connection under test with everything that it said. */
export class Connected implements AsyncDisposable {
  readonly connection: GatewayConnection;
  readonly log = recordingLog();
  readonly events: GatewayEvent[] = [];
  /** States in the order in which they were entered. */
  readonly states: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(settings: Partial<ConnectionSettings>, options: { readonly cancelsDeadlineMs?: number }) {
    this.connection = new GatewayConnection({
      settings: { ...SETTINGS, ...settings },
      log: this.log,
      random: () => 0.5,
      ...options,
    });
    this.connection.watch(({ state }) => {
      if (this.states.at(-1) !== state) this.states.push(state);
      this.#wake();
    });
    this.connection.subscribe((event) => {
      this.events.push(event);
      this.#wake();
    });
  }

  of<T extends GatewayEvent['type']>(type: T): readonly EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  /** The nth event of a type, counted from 1. */
  async nth<T extends GatewayEvent['type']>(type: T, n = 1): Promise<EventOf<T>> {
    await this.until(() => this.of(type).length >= n, `${n} x ${type}`);
    return this.of(type)[n - 1] as EventOf<T>;
  }

  /** Looks again whenever the connection said something. */
  async until(holds: () => boolean, what = holds.toString(), deadlineMs = 10_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const said = () => `${this.states.join(' > ')}; ${JSON.stringify(this.events.slice(-5))}`;
    const timer = setTimeout(
      () => reject(new Error(`not within ${deadlineMs} ms: ${what}; ${said()}`)),
      deadlineMs,
    );
    const look = () => {
      if (holds()) resolve();
    };
    this.#waiting.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.stop();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** @returns a connection that was started; `await using` stops it */
export function connect(
  settings: Partial<ConnectionSettings>,
  options: { readonly cancelsDeadlineMs?: number } = {},
): Connected {
  const connected = new Connected(settings, options);
  connected.connection.start();
  return connected;
}
