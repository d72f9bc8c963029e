import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsToRead, type Judgement, judge } from '../../../functions/drain/judge.ts';
import { type Received, receive } from '../../../functions/received.ts';
import type { AuditItem } from '../../../shared/audit.ts';
import { sha256 } from '../../../shared/digest.ts';
import { encodeMessage } from '../../../shared/message.ts';
import type { Snapshot } from '../../../shared/snapshot.ts';
import { heartbeat, ledger } from '../../support/messages.ts';
import { snapshot } from '../../support/snapshots.ts';
import { record } from '../../support/sqs-records.ts';

const first = snapshot({ seq: 1 });
const forged = snapshot({ seq: 1, quantity: '-4' });

describe('judge', () => {
  it('stores a snapshot that the audit does not know', () => {
    const judged = judge([received(first)], new Map());
    expect(judged.candidates.map(({ snapshot: one }) => one.id)).toEqual([first.id]);
    expect(judged.failures).toEqual([]);
  });

  it('acknowledges what is stored with the same body', () => {
    const judged = judge([received(first)], known(first, 'SUCCESS'));
    expect(judged.candidates).toEqual([]);
    expect(judged.duplicates).toHaveLength(1);
  });

  it.each(['RETRYING', 'FAILED'] as const)('stores what was %s before', (status) => {
    expect(judge([received(first)], known(first, status)).candidates).toHaveLength(1);
  });

  it.each(['SUCCESS', 'RETRYING', 'FAILED'] as const)(
    'fails another body under an id that is %s, and audits it under an id of its own',
    (status) => {
      const judged = judge([received(forged, { messageId: 'forged' })], known(first, status));
      expect(judged.candidates).toEqual([]);
      expect(judged.failures).toMatchObject([
        { received: { audit: { id: 'sqs:forged', snapshotId: first.id } } },
      ]);
      expect(judged.failures[0]?.cause).toContain('one id with two bodies');
    },
  );

  it('stores a good body whose id was claimed by one that could not be decoded', () => {
    const nonsense = known(forged, 'FAILED', { undecodable: true });
    expect(judge([received(first)], nonsense).candidates).toHaveLength(1);
  });

  it('takes two copies of one body for one row, made of the copy that was sent first', () => {
    const later = received(first, { messageId: 'later', sentAt: '2026-11-20T15:00:09.000Z' });
    const earlier = received(first, { messageId: 'earlier', sentAt: '2026-11-20T15:00:02.000Z' });
    const { candidates } = judge([later, earlier], new Map());
    expect(candidates).toMatchObject([
      { received: { messageId: 'earlier' }, copies: [{ messageId: 'later' }] },
    ]);
  });

  it('keeps the body that was sent first when two bodies of one id meet in a batch, and fails the other', () => {
    const later = received(forged, { messageId: 'later', sentAt: '2026-11-20T15:00:09.000Z' });
    const earlier = received(first, { messageId: 'earlier', sentAt: '2026-11-20T15:00:02.000Z' });
    const judged = judge([later, earlier], new Map());
    expect(judged.candidates).toMatchObject([{ received: { messageId: 'earlier' } }]);
    expect(judged.failures).toMatchObject([{ received: { messageId: 'later' } }]);
  });

  it('asks the audit for snapshots only, and for each id once', () => {
    const batch = [first, first, heartbeat(), ledger()].map((message) => received(message));
    expect(idsToRead([...batch, receive(record('nonsense'))])).toEqual([first.id]);
  });

  it('puts every message in exactly one place, the same in whatever order the batch comes', () => {
    const bodies = fc.constantFrom(
      encodeMessage(first),
      encodeMessage(forged),
      encodeMessage(snapshot({ seq: 2 })),
      encodeMessage(heartbeat()),
      encodeMessage(ledger()),
      'nonsense',
      JSON.stringify({ ...first, schema: 9 }),
    );
    const sentAt = fc.constantFrom('2026-11-20T15:00:00.000Z', '2026-11-20T15:00:01.000Z');
    const statuses = fc.constantFrom('SUCCESS' as const, 'RETRYING' as const, undefined);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(bodies, sentAt), { maxLength: 12 }),
        statuses,
        fc.nat(),
        (all, status, turn) => {
          const batch = all.map(([body, at], index) =>
            receive(record(body, { messageId: `m${index}`, sentAt: at })),
          );
          const audit = status === undefined ? new Map<string, AuditItem>() : known(first, status);
          const places = placesOf(judge(batch, audit));
          expect(Object.values(places).flat().sort()).toEqual(batch.map(({ messageId }) => messageId).sort());
          const cut = turn % (batch.length + 1);
          expect(placesOf(judge([...batch.slice(cut), ...batch.slice(0, cut)], audit))).toEqual(places);
        },
      ),
    );
  });
});

function received(message: Parameters<typeof encodeMessage>[0], options = {}): Received {
  return receive(record(message, options));
}

function known(
  of: Snapshot,
  status: AuditItem['status'],
  more: Partial<AuditItem> = {},
): Map<string, AuditItem> {
  const at = '2026-11-20T15:00:00.000Z';
  const item = {
    id: of.id,
    status,
    attempts: 1,
    bodyDigest: sha256(encodeMessage(of)),
    messageId: 'before',
    createdAt: at,
    updatedAt: at,
    expiresAt: 0,
    ...more,
  };
  return new Map([[of.id, item]]);
}

function placesOf(judged: Judgement): Record<string, string[]> {
  const ids = (all: readonly Received[]) => all.map(({ messageId }) => messageId).sort();
  return {
    stored: ids(judged.candidates.map((one) => one.received)),
    copies: ids(judged.candidates.flatMap((one) => one.copies)),
    duplicates: ids(judged.duplicates),
    failures: ids(judged.failures.map((one) => one.received)),
    heartbeats: ids(judged.heartbeats.map((one) => one.received)),
    declarations: ids(judged.declarations.map((one) => one.received)),
  };
}
