import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Evidence, reconcile } from '../../../local/run/reconcile.ts';
import { snapshotId } from '../../../shared/snapshot.ts';

const bridge = 'home';
const epoch = '1763700000000-abc123';
const id = (seq: number, of = epoch) => snapshotId({ bridge, epoch: of, seq });
const range = (first: number, last = first, of = epoch) => ({ bridge, epoch: of, first, last });
const evidence = (given: Partial<Evidence> = {}): Evidence => ({
  produced: [{ bridge, epoch, last: 4 }],
  dropped: [],
  stored: [],
  deadIds: [],
  waiting: 0,
  ...given,
});

describe('reconcile', () => {
  it('finds every sequence number where it went', () => {
    const found = reconcile(
      evidence({
        stored: [range(1, 2)],
        deadIds: [id(3)],
        dropped: [range(4)],
      }),
    );
    expect(found).toEqual({
      produced: 4,
      stored: 2,
      deadLettered: 1,
      dropped: 1,
      inFlight: 0,
      lost: 0,
      missingIds: [],
      strangers: 0,
    });
  });

  it('counts an id once however often it was stored, and as stored when it died on a redelivery', () => {
    const found = reconcile(evidence({ stored: [range(1), range(1), range(1)], deadIds: [id(1), id(2)] }));
    expect(found).toMatchObject({ stored: 1, deadLettered: 1 });
  });

  it('calls lost what nothing that waits can account for', () => {
    const found = reconcile(evidence({ stored: [range(2)], waiting: 2 }));
    expect(found).toMatchObject({ inFlight: 2, lost: 1, missingIds: [id(1), id(3), id(4)] });
  });

  it('does not take heartbeats that wait for snapshots that are missing', () => {
    const found = reconcile(evidence({ stored: [range(1, 4)], waiting: 3 }));
    expect(found).toMatchObject({ inFlight: 0, lost: 0 });
  });

  it('keeps what an outbox of this directory never gave out apart', () => {
    const found = reconcile(
      evidence({
        stored: [range(5, 6), range(1, 1, '1763700000000-other1')],
        deadIds: [id(9), id(0), 'sqs:77'],
      }),
    );
    expect(found).toMatchObject({ produced: 4, stored: 0, deadLettered: 0, strangers: 6 });
  });

  it('adds up over any number of epochs, whatever went where', () => {
    const place = fc.constantFrom('stored', 'twice', 'dead', 'dropped', 'missing');
    fc.assert(
      fc.property(
        fc.array(fc.array(place, { maxLength: 30 }), { maxLength: 4 }),
        fc.nat(40),
        (epochs, waiting) => {
          const named = epochs.map((places, index) => ({ epoch: `176370000000${index}-abc123`, places }));
          const rangesIn = (...kinds: string[]) =>
            named.flatMap(({ epoch: of, places }) =>
              places.flatMap((kind, index) =>
                kinds.includes(kind) ? [range(index + 1, index + 1, of)] : [],
              ),
            );
          const idsIn = (...kinds: string[]) => rangesIn(...kinds).map((of) => id(of.first, of.epoch));
          const found = reconcile({
            produced: named.map(({ epoch: of, places }) => ({ bridge, epoch: of, last: places.length })),
            stored: [...rangesIn('stored', 'twice'), ...rangesIn('twice')],
            deadIds: idsIn('dead'),
            dropped: rangesIn('dropped'),
            waiting,
          });
          const missing = idsIn('missing').length;
          expect(found).toMatchObject({
            produced: epochs.flat().length,
            stored: idsIn('stored', 'twice').length,
            deadLettered: idsIn('dead').length,
            dropped: idsIn('dropped').length,
            inFlight: Math.min(missing, waiting),
            lost: Math.max(0, missing - waiting),
          });
          expect(found.missingIds).toEqual(idsIn('missing').slice(0, 5));
        },
      ),
    );
  });
});
