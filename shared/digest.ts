import { createHash } from 'node:crypto';

/** @returns lower-case hex SHA-256 of the text's UTF-8 bytes (64 characters) */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/**
 * The name of a raw lake object: a function of its rows alone, so that a retried batch writes the same key and
 * two batches that overlap write different ones.
 */
export function batchDigest(rows: readonly { readonly id: string; readonly digest: string }[]): string {
  const lines = rows.map((row) => `${row.id} ${row.digest}`).sort();
  return sha256(lines.join('\n'));
}
