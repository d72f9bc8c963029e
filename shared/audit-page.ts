import type { AuditItem } from './audit.ts';
import { RETENTION } from './limits.ts';
import { rawKey } from './names.ts';

/**
 * What was stored at its first try, ten snapshots an item: DynamoDB bills a write by the KB, and what there is to say
 * of such a snapshot is eighty bytes. A page holds the ids that differ in their last digit only; attribute `3` is what
 * became of `...3`, attribute `x3` says that something went wrong with it: then it has an item of its own, and the
 * page has nothing more to say of it.
 */
export type AuditPage = Readonly<Record<string, unknown>>;

export interface PagePlace {
  /** Key of the page in the audit table. */
  readonly page: string;
  /** Attribute of the snapshot in it. */
  readonly entry: string;
  /** Attribute that says that it has an item of its own. */
  readonly trouble: string;
}

/** What a page keeps of one snapshot. */
export interface StoredMark {
  /** SHA-256 of the body, in hex. */
  readonly bodyDigest: string;
  readonly objectKey: string;
  readonly attempts: number;
  readonly conId: number;
  readonly priority: number;
  /** ISO 8601. */
  readonly at: string;
}

const SNAPSHOT_ID = /^([a-z][a-z0-9-]*:\d{13}-[0-9a-z]+:)(\d*)(\d)$/;

/** @returns undefined for what is no snapshot's id: such a message has an item of its own */
export function placeOf(id: string): PagePlace | undefined {
  const [, epoch, tens, entry] = SNAPSHOT_ID.exec(id) ?? [];
  if (epoch === undefined || entry === undefined) return undefined;
  return { page: `${epoch}${tens}_`, entry, trouble: `x${entry}` };
}

const RAW_KEY = /\/dt=(\d{4}-\d{2}-\d{2})\/([0-9a-f]{64})\.parquet$/;
const HEX_DIGEST = /^[0-9a-f]{64}$/;
const DAY_MS = 86_400_000;
const DIGEST_BYTES = 32;
const ENTRY_BYTES = 80;
/** Where each number begins, behind the two digests. */
const AT = { day: 64, ms: 66, conId: 72, attempts: 78, priority: 79 } as const;
const ATTEMPTS_MAX = 255;

/** @returns undefined for what does not fit into an entry: it has an item of its own */
export function packMark(mark: StoredMark): Uint8Array | undefined {
  const [, day, object] = RAW_KEY.exec(mark.objectKey) ?? [];
  if (day === undefined || object === undefined || rawKey(day, object) !== mark.objectKey) return undefined;
  if (!HEX_DIGEST.test(mark.bodyDigest) || mark.attempts > ATTEMPTS_MAX) return undefined;
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.write(mark.bodyDigest, 0, 'hex');
  entry.write(object, DIGEST_BYTES, 'hex');
  entry.writeUInt16BE(Date.parse(day) / DAY_MS, AT.day);
  entry.writeUIntBE(Date.parse(mark.at), AT.ms, 6);
  entry.writeUIntBE(mark.conId, AT.conId, 6);
  entry.writeUInt8(mark.attempts, AT.attempts);
  entry.writeUInt8(mark.priority, AT.priority);
  return entry;
}

/** @returns what the page says of the snapshot; undefined when it says nothing */
export function itemOfPage(page: AuditPage, id: string): AuditItem | undefined {
  const place = placeOf(id);
  const bytes = place === undefined ? undefined : page[place.entry];
  if (!(bytes instanceof Uint8Array) || bytes.length !== ENTRY_BYTES) return undefined;
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const day = new Date(entry.readUInt16BE(AT.day) * DAY_MS).toISOString().slice(0, 10);
  const ms = entry.readUIntBE(AT.ms, 6);
  const at = new Date(ms).toISOString();
  return {
    id,
    status: 'SUCCESS',
    attempts: entry.readUInt8(AT.attempts),
    bodyDigest: entry.toString('hex', 0, DIGEST_BYTES),
    conId: entry.readUIntBE(AT.conId, 6),
    priority: entry.readUInt8(AT.priority),
    objectKey: rawKey(day, entry.toString('hex', DIGEST_BYTES, 2 * DIGEST_BYTES)),
    createdAt: at,
    updatedAt: at,
    expiresAt: expiryOf(ms),
  };
}

/** @returns epoch seconds */
export function expiryOf(atMs: number): number {
  return Math.floor((atMs + RETENTION.auditDays * DAY_MS) / 1000);
}

/** True when the snapshot has an item of its own, or is about to. */
export function hasTrouble(page: AuditPage, id: string): boolean {
  const place = placeOf(id);
  return place !== undefined && page[place.trouble] !== undefined;
}
