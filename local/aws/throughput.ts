/** What a table serves per second: request units of one key range, and how many of them the table has. */
export interface Throughput {
  readonly partitions: number;
  /** Of one partition; a write is one unit for each KB. */
  readonly writesPerSecond: number;
  /** Of one partition; a consistent read is one unit for each 4 KB. */
  readonly readsPerSecond: number;
}

/**
 * A new table on demand, 4,000 writes and 12,000 reads a second, of which no partition serves more than a quarter:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 * Nothing is lent for bursts, and a table neither grows nor splits a busy partition, as a real one does in minutes.
 */
export const NEW_TABLE: Throughput = { partitions: 4, writesPerSecond: 1000, readsPerSecond: 3000 };

/** Units that are left now: one second's worth at most, filled as time passes. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#atMs = nowMs;
  }

  /** One request may take more than there is and leave a debt, as a large item does. @returns whether it was served */
  take(units: number, nowMs: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + (this.#perSecond * (nowMs - this.#atMs)) / 1000);
    this.#atMs = nowMs;
    if (this.#left < Math.min(units, 1)) return false;
    this.#left -= units;
    return true;
  }
}

/** @returns the partition that has the key: the same for the same text */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  // The low bits of FNV-1a follow the last characters too closely.
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) >>> 16) % partitions;
}

/** DynamoDB's JSON of a value is never much larger than what it counts: names and texts by their UTF-8 bytes. */
export function sizeOf(attributes: unknown): number {
  if (typeof attributes === 'string') return Buffer.byteLength(attributes);
  if (typeof attributes !== 'object' || attributes === null) return 1;
  if (Array.isArray(attributes)) return attributes.reduce<number>((sum, each) => sum + sizeOf(each), 3);
  return Object.entries(attributes).reduce((sum, [name, value]) => {
    // {"S": ...}, {"N": ...}: the type is no part of the item.
    const isType = /^(?:S|N|B|M|L|SS|NS|BS|BOOL|NULL)$/.test(name);
    return sum + (isType ? 0 : Buffer.byteLength(name)) + sizeOf(value);
  }, 0);
}
