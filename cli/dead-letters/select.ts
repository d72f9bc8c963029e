import type { AuditItem } from '../../shared/audit.ts';
import { messageAuditId } from '../../shared/audit.ts';
import type { DeadLetter } from './read.ts';

/** A dead letter and what has become of it. */
export interface Standing {
  readonly letter: DeadLetter;
  /** stored: this very body has a row by now. dead: it has none. */
  readonly state: 'stored' | 'dead';
}

/** The ids under which the audit may know a letter's body. */
export function auditIdsOf({ snapshotId, messageId }: DeadLetter): string[] {
  return [messageAuditId(messageId), ...(snapshotId === undefined ? [] : [snapshotId])];
}

export function standingOf(letter: DeadLetter, items: ReadonlyMap<string, AuditItem>): Standing {
  const isStored = auditIdsOf(letter)
    .map((id) => items.get(id))
    .some((item) => item?.status === 'SUCCESS' && item.bodyDigest === letter.bodyDigest);
  return { letter, state: isStored ? 'stored' : 'dead' };
}

/** @param text found in message id, snapshot id, object key, a cause or the body, whatever its case */
export function isAbout({ letter }: Standing, text: string): boolean {
  const { messageId, snapshotId = '', objectKey, causes, body } = letter;
  const fields = [messageId, snapshotId, objectKey, body, ...causes.map((cause) => cause.text)];
  return fields.some((field) => field.toLowerCase().includes(text.toLowerCase()));
}

/** @param id a message id, a snapshot id or an object key, in full */
export function isNamed({ messageId, snapshotId, objectKey }: DeadLetter, id: string): boolean {
  return [messageId, snapshotId, objectKey, messageAuditId(messageId)].includes(id);
}

/** Bodies that are worth sending once more, each once, however many letters carry it. */
export function toRedrive(standings: readonly Standing[]): DeadLetter[] {
  const bodies = new Map<string, DeadLetter>();
  for (const { letter, state } of standings) {
    if (state === 'dead' && !bodies.has(letter.bodyDigest)) bodies.set(letter.bodyDigest, letter);
  }
  return [...bodies.values()];
}
