import type { Access, Call } from './access.ts';

/** Distinct (principal, operation, accesses) that are counted apart; more are counted together. */
const ENTRIES_MAX = 5000;
const OVERFLOW = 'overflow';

export interface JournalEntry {
  readonly call: Call;
  readonly count: number;
  /** Answered with 400 or above. */
  readonly faults: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/**
 * Who called what: counted, never listed call by call, so that a run of days stays bounded. Objects of one bucket
 * and prefix are one entry: `arn:aws:s3:::lake/raw/v1/*`.
 */
export class Journal {
  readonly #entries = new Map<string, JournalEntry>();

  record(
    call: Call,
    outcome: { readonly status: number; readonly bytesIn: number; readonly bytesOut: number },
  ): void {
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

  /** Calls that match every part given; for tests and reports. */
  count(match: Partial<Pick<Call, 'service' | 'operation' | 'principal'>>): number {
    return this.entries()
      .filter(({ call }) =>
        (Object.keys(match) as (keyof typeof match)[]).every((part) => call[part] === match[part]),
      )
      .reduce((sum, { count }) => sum + count, 0);
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
