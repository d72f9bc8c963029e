import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Disguise, inventedCost, scrambledQuantity } from '../../../../local/gateway/record/disguise.ts';
import { decimalSchema } from '../../../../shared/decimal.ts';

const account = fc
  .tuple(fc.constantFrom('U', 'DU', 'F', 'DF', 'I'), fc.integer({ min: 1_000_000, max: 8_999_999 }))
  .map(([prefix, number]) => `${prefix}${number}`);

describe('the disguise of accounts', () => {
  it('leaves no account number anywhere, known or not, and the same one is always the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(account, { minLength: 1, maxLength: 5 }), account, (accounts, stranger) => {
        const disguise = new Disguise(accounts);
        const text = disguise.text(
          accounts.map((each) => `position in ${each}, ${each};`).join(' ') + stranger,
        );
        for (const each of [...accounts, stranger]) expect(text).not.toContain(each);
        for (const each of accounts) expect(text).toContain(disguise.account(each));
        expect(new Set(disguise.accounts).size).toBe(accounts.length);
      }),
    );
  });
});

describe('a scrambled quantity', () => {
  it('keeps sign and kind, says nothing of the size, and is the same for the same seed', () => {
    const quantity = fc.constantFrom('1', '-3', '250', '-100000', '0.5', '12.3456', '-0.00000001');
    fc.assert(
      fc.property(quantity, fc.integer({ min: 0 }), (given, seed) => {
        const scrambled = scrambledQuantity(given, seed, 'key');
        expect(decimalSchema.safeParse(scrambled).success).toBe(true);
        expect(scrambled.startsWith('-')).toBe(given.startsWith('-'));
        expect(scrambled.includes('.')).toBe(given.includes('.'));
        expect(Math.abs(Number(scrambled))).toBeLessThan(10.1);
        expect(scrambledQuantity(given, seed, 'key')).toBe(scrambled);
      }),
    );
  });

  it('comes with a cost near what the contract is worth now', () => {
    expect(Number(inventedCost(1000, 1, 'key'))).toBeGreaterThanOrEqual(800);
    expect(Number(inventedCost(1000, 1, 'key'))).toBeLessThanOrEqual(1200);
  });
});
