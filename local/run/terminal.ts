import { createLogUpdate } from 'log-update';

const WIDTH_DEFAULT = 100;

/**
 * Where a run speaks. With --json everything goes to standard error but the report, which is the last line of standard
 * output. On a terminal the live view stands below what was said; elsewhere it is one plain line now and then.
 */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;

  constructor(options: { readonly json: boolean }) {
    this.#stream = options.json ? process.stderr : process.stdout;
    this.#live = this.#stream.isTTY ? createLogUpdate(this.#stream) : undefined;
  }

  /** False: `show` prints a line each time, so it should be called seldom. */
  get isLive(): boolean {
    return this.#live !== undefined;
  }

  get width(): number {
    return this.#stream.columns ?? WIDTH_DEFAULT;
  }

  say(text: string): void {
    if (this.#live === undefined) this.#stream.write(`${text}\n`);
    else this.#live.persist(text);
  }

  /** Replaces what was shown before. */
  show(text: string): void {
    if (this.#live === undefined) this.#stream.write(`${text}\n`);
    else this.#live(text);
  }

  /** Takes the view away, and gives the cursor back. */
  endView(): void {
    this.#live?.clear();
    this.#live?.done();
  }
}
