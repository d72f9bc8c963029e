import type { Log } from '../log.ts';
import type { Lane, PositionUpdate, PositionUpdateHandler } from './handler.ts';
import { Mailbox, type MailboxCounts } from './mailbox.ts';

export interface DispatcherOptions {
  readonly handlers: readonly PositionUpdateHandler[];
  readonly log: Log;
  /** The newest state of a contract, made when a handler takes it; undefined where nothing is known of it. */
  readonly describe: (conId: number, lane: Lane) => PositionUpdate | undefined;
}

/** Brings every handler what it asked for, each at its own pace. */
export class Dispatcher {
  readonly #handlers: readonly PositionUpdateHandler[];
  readonly #mailboxes: readonly Mailbox[];

  constructor(options: DispatcherOptions) {
    this.#handlers = options.handlers;
    this.#mailboxes = options.handlers.map((handler) => new Mailbox(handler, options));
  }

  /**
   * @throws Error naming the handler whose start failed; those started before it are stopped again
   */
  async start(): Promise<void> {
    for (const [index, handler] of this.#handlers.entries()) {
      try {
        await handler.start?.();
      } catch (cause) {
        await stopAll(this.#handlers.slice(0, index));
        throw new Error(`the handler "${handler.name}" did not start: ${(cause as Error).message}`, {
          cause,
        });
      }
    }
  }

  /** Lets each handler finish the update that it works on, then stops it. */
  async stop(): Promise<void> {
    await Promise.all(this.#mailboxes.map((mailbox) => mailbox.stop()));
    await stopAll(this.#handlers);
  }

  /** Never waits, never throws: it is called on the tick path. */
  offer(conId: number, lane: Lane): void {
    for (const mailbox of this.#mailboxes) mailbox.offer(conId, lane);
  }

  status(): MailboxCounts[] {
    return this.#mailboxes.map((mailbox) => mailbox.counts());
  }
}

async function stopAll(handlers: readonly PositionUpdateHandler[]): Promise<void> {
  await Promise.allSettled(handlers.map(async (handler) => handler.stop?.()));
}
