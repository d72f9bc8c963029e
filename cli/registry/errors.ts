import type { Strategy } from '../../shared/strategy.ts';

/** Why the registry did not take a write. Nothing was written when one of these is thrown. */
abstract class RegistryError extends Error {
  /** What to do about it, one sentence. */
  abstract readonly remedy: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The input is no strategy: every fault is named. */
export class InvalidStrategy extends RegistryError {
  readonly remedy = 'mend the fields named and put it again';
}

/** Another write came first: the version that the writer had seen is not the current one. */
export class StaleVersion extends RegistryError {
  readonly remedy = 'look at the current version, and repeat the change on it';
  readonly id: string;
  readonly expectedVersion: number;
  /** What the table holds now; undefined when it never held the strategy. */
  readonly current: Strategy | undefined;

  constructor(id: string, expectedVersion: number, current: Strategy | undefined) {
    const is = current === undefined ? 'there is none' : `it is at ${current.version}`;
    super(`${id}: expected version ${expectedVersion}, but ${is}`);
    this.id = id;
    this.expectedVersion = expectedVersion;
    this.current = current;
  }
}

export class UnknownStrategy extends RegistryError {
  readonly remedy = 'see `slotwise registry list --all` for those that exist';

  constructor(id: string) {
    super(`there is no strategy "${id}"`);
  }
}

/** The strategy was closed: it has ended, and only a put that names its version opens it again. */
export class ClosedStrategy extends RegistryError {
  readonly remedy: string;
  readonly current: Strategy;

  constructor(current: Strategy) {
    super(`${current.id} was closed at ${current.closedAt ?? current.updatedAt}`);
    this.current = current;
    this.remedy = `to open it again, put it with its version stated: --expect-version ${current.version}`;
  }
}

/** Other writers took every version that this one tried for. */
export class RegistryBusy extends RegistryError {
  readonly remedy = 'try again; if it stays, look for a program that writes the registry in a loop';

  constructor(id: string, attempts: number, cause: unknown) {
    super(`${id}: not written, ${attempts} attempts met other writers`, { cause });
  }
}

/** An item of the table that is no strategy: somebody wrote it by other means. */
export class MalformedItem extends RegistryError {
  readonly remedy = 'put the strategy anew, or remove it';
}
