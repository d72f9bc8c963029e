import type { Access, Call } from './access.ts';
import { BY_TLS, type Context } from './context.ts';

/** Distinct (principal, operation, accesses) that are counted apart; more are counted together. Of accesses, too. */
const ENTRIES_MAX = 5000;
const OVERFLOW = 'overflow';

export interface JournalEntry {
  readonly call: Call;
  readonly count: number;
  /** Answered with 400 or above, refusals included. */
  readonly faults: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One question that policies were asked, as it can be asked again. */
export interface RecordedAccess extends Access {
  readonly principal: string;
  readonly context: Context;
  readonly count: number;
  /** How often the answer was no. */
  readonly denied: number;
}

export interface Outcome {
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the call's accesses; default none. */
  readonly denied?: readonly Access[];
}

/**
 * Who called what: counted, never listed call by call, so that a run of days stays bounded. Objects of one bucket
 * and prefix are one entry: `arn:aws:s3:::lake/raw/v1/*`.
 */
export class Journal {
  readonly #entries = new Map<string, JournalEntry>();
  readonly #accesses = new Map<string, RecordedAccess>();

  record(call: Call, outcome: Outcome): void {
    for (const access of call.accesses) this.#recordAccess(call.principal, access, outcome.denied ?? []);
    const folded = { ...call, accesses: call.accesses.map(foldObject) };
    const key = `${call.principal} ${call.service}:${call.operation} ${folded.accesses
      .map(({ action, resource }) => `${action}@${resource}`)
      .join(' ')}`;
    const present = this.#entries.get(key) ?? this.#entry(folded);
    this.#entries.set(present.call.operation === OVERFLOW ? OVERFLOW : key, {
      call: present.call,
      count: present.count + 1,
      faults: present.faults + (outcome.status >= 400 ? 1 : 0),
      bytesIn: present.bytesIn + outcome.bytesIn,
      bytesOut: present.bytesOut + outcome.bytesOut,
    });
  }

  entries(): readonly JournalEntry[] {
    return [...this.#entries.values()];
  }

  /** What policies were asked, the first resource of each kind standing for its like; no more than is bounded. */
  accesses(): readonly RecordedAccess[] {
    return [...this.#accesses.values()];
  }

  /** Calls that match every part given; for tests and reports. */
  count(match: Partial<Pick<Call, 'service' | 'operation' | 'principal'>>): number {
    return this.entries()
      .filter(({ call }) =>
        (Object.keys(match) as (keyof typeof match)[]).every((part) => call[part] === match[part]),
      )
      .reduce((sum, { count }) => sum + count, 0);
  }

  #recordAccess(principal: string, access: Access, denied: readonly Access[]): void {
    const isDenied = denied.includes(access);
    // A refusal has an entry of its own: the object that was refused is not the one that was allowed before it.
    const { action, resource } = isDenied ? access : foldObject(access);
    const key = `${principal} ${action} ${resource} ${isDenied}`;
    const present = this.#accesses.get(key);
    if (present === undefined && this.#accesses.size >= ENTRIES_MAX) return;
    const { count = 0, denied: times = 0 } = present ?? {};
    this.#accesses.set(key, {
      ...(present ?? { principal, ...access, context: BY_TLS }),
      count: count + 1,
      denied: times + (isDenied ? 1 : 0),
    });
  }

  #entry(call: Call): JournalEntry {
    const fresh = { call, count: 0, faults: 0, bytesIn: 0, bytesOut: 0 };
    if (this.#entries.size < ENTRIES_MAX) return fresh;
    return this.#entries.get(OVERFLOW) ?? { ...fresh, call: { ...call, operation: OVERFLOW, accesses: [] } };
  }
}

/** Partition and file name of an object are not worth an entry each. */
function foldObject({ action, resource }: Access): Access {
  const object = /^(arn:aws:s3:::[^/]+\/(?:[^/=]+\/)*)/.exec(resource)?.[1];
  return object === undefined ? { action, resource } : { action, resource: `${object}*` };
}
