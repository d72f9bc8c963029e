/**
 * A timer that looks once more before it fires: after a pause of the process (a sleeping laptop, a busy core) the
 * timer is due before the socket has been read, although the answer lies there.
 */
export class Deadline {
  #timer: NodeJS.Timeout | undefined;
  #check: NodeJS.Immediate | undefined;

  /** Replaces whatever ran before. */
  start(delayMs: number, passed: () => void): void {
    this.clear();
    this.#timer = setTimeout(() => {
      // Immediates run after the sockets of this turn.
      this.#check = setImmediate(passed);
    }, delayMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#check);
  }
}
