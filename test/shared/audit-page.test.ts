import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemBytes } from '../../local/aws/units.ts';
import { auditItemSchema } from '../../shared/audit.ts';
import { hasTrouble, itemOfPage, packMark, placeOf, type StoredMark } from '../../shared/audit-page.ts';
import { rawKey } from '../../shared/names.ts';

const KB = 1024;
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const instant = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
const mark: fc.Arbitrary<StoredMark> = fc.record({
  bodyDigest: hex,
  objectKey: fc.tuple(instant, hex).map(([at, digest]) => rawKey(at.toISOString().slice(0, 10), digest)),
  attempts: fc.integer({ min: 1, max: 255 }),
  conId: fc.integer({ min: 1, max: 2 ** 47 }),
  priority: fc.constantFrom(1, 2),
  at: instant.map((at) => at.toISOString()),
});
/** The longest that there can be. */
const EPOCH = `b${'x'.repeat(30)}:1785300000000-${'k'.repeat(16)}:`;

describe('a page of the audit', () => {
  it('gives back what was stored, in the shape of an item of its own', () => {
    fc.assert(
      fc.property(mark, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (one, seq) => {
        const id = `${EPOCH}${seq}`;
        const entry = placeOf(id)?.entry ?? '';
        const item = itemOfPage({ [entry]: packMark(one) }, id);
        const { at, ...rest } = one;
        expect(item).toMatchObject({ id, status: 'SUCCESS', ...rest, createdAt: at, updatedAt: at });
        expect(auditItemSchema.parse(item)).toEqual(item);
      }),
    );
  });

  it('holds ten snapshots of the longest name within the kilobyte that a write unit is', () => {
    const [one] = fc.sample(mark, 1);
    if (one === undefined) throw new Error('a mark is expected');
    const bytes = Buffer.from(packMark(one) ?? []).toString('base64');
    const entries = Array.from({ length: 10 }, (_, digit) => [String(digit), { B: bytes }]);
    const page = placeOf(`${EPOCH}${Number.MAX_SAFE_INTEGER}`)?.page ?? '';
    const item = { id: { S: page }, expiresAt: { N: '1798761600' }, ...Object.fromEntries(entries) };
    expect(itemBytes(item)).toBeLessThanOrEqual(KB);
  });

  it('is the same for ids that differ in their last digit, and another one for every other id', () => {
    const seq = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(seq, seq, (one, other) => {
        const [first, second] = [placeOf(`${EPOCH}${one}`), placeOf(`${EPOCH}${other}`)];
        expect(first?.page === second?.page).toBe(Math.floor(one / 10) === Math.floor(other / 10));
        expect(first?.page === second?.page && first?.entry === second?.entry).toBe(one === other);
      }),
    );
  });

  it('is no place for a message that has no snapshot id, and no page is its own entry', () => {
    expect(placeOf('sqs:4f0c')).toBeUndefined();
    const page = placeOf(`${EPOCH}17`)?.page ?? '';
    expect(placeOf(page)).toBeUndefined();
  });

  it('leaves to an item of its own what does not fit into an entry', () => {
    const [one] = fc.sample(mark, 1);
    if (one === undefined) throw new Error('a mark is expected');
    expect(packMark({ ...one, objectKey: 'elsewhere/x.parquet' })).toBeUndefined();
    expect(packMark({ ...one, bodyDigest: 'short' })).toBeUndefined();
    expect(packMark({ ...one, attempts: 256 })).toBeUndefined();
  });

  it('says of which snapshots there is an item of their own', () => {
    const page = { x3: true };
    expect(hasTrouble(page, `${EPOCH}13`)).toBe(true);
    expect(hasTrouble(page, `${EPOCH}14`)).toBe(false);
    expect(itemOfPage(page, `${EPOCH}13`)).toBeUndefined();
  });
});
