import { describe, expect, it } from 'vitest';
import { Truth } from '../../../local/week/truth.ts';

const row = (conId: number, quantity = '1') => ({ account: 'DU1', conId, quantity, averageCost: '1' });

function truth(): Truth {
  const found = new Truth();
  found.note(1000, [row(7)]);
  found.note(2000, []);
  found.note(3000, [row(7, '2')]);
  return found;
}

describe('what was truly held', () => {
  it('was absent from the close to the next opening, and at no other time', () => {
    const found = truth();
    expect(found.wasAbsent('DU1 7', 1000, 1999)).toBe(false);
    expect(found.wasAbsent('DU1 7', 1500, 2000)).toBe(true);
    expect(found.wasAbsent('DU1 7', 2500, 2600)).toBe(true);
    expect(found.wasAbsent('DU1 7', 3000, 3500)).toBe(true);
    expect(found.wasAbsent('DU1 7', 3001, 9000)).toBe(false);
  });

  it('was absent before it was first held, and always where it never was', () => {
    expect(truth().wasAbsent('DU1 7', 500, 900)).toBe(true);
    expect(truth().wasAbsent('DU1 8', 5000, 9000)).toBe(true);
  });

  it('counts how often it was opened, whatever else changed', () => {
    const found = truth();
    found.note(4000, [row(7, '3')]);
    expect(found.openings('DU1 7')).toBe(2);
    expect(found.openings('DU1 8')).toBe(0);
    expect([...found.positions]).toEqual([['DU1 7', '3']]);
  });
});
