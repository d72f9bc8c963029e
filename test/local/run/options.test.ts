import { describe, expect, it } from 'vitest';
import { portfolioSize, type RawOptions, readOptions } from '../../../local/run/options.ts';

const read = (raw: Partial<RawOptions> = {}) => readOptions({ dir: '.slotwise', ...raw }, '/home/trader');

describe('the options of slotwise local', () => {
  it('runs the simulated gateway until Ctrl-C when nothing is said', () => {
    expect(read()).toEqual({
      dir: '/home/trader/.slotwise',
      fresh: false,
      json: false,
      forMs: undefined,
      gateway: {
        kind: 'simulated',
        portfolio: { file: undefined, positions: undefined, activeLegs: undefined, seed: undefined },
      },
      registryFile: undefined,
      flips: 0,
    });
  });

  it.each([
    ['127.0.0.1:4002', '127.0.0.1', 4002],
    ['gateway.lan:7497', 'gateway.lan', 7497],
    ['[::1]:4001', '::1', 4001],
  ])('reads --gateway %s', (gateway, host, port) => {
    expect(read({ gateway }).gateway).toEqual({ kind: 'own', host, port });
  });

  it.each<[Partial<RawOptions>, RegExp]>([
    [{ for: '10x' }, /--for "10x" must be a duration such as 90s/],
    [{ active: '18' }, /--active 18 must be a multiple of 4/],
    [{ active: '204' }, /--active 204 must not be above --positions, which is 200/],
    [{ positions: '12', active: '20' }, /--active 20 must not be above --positions, which is 12/],
    [{ positions: 'many' }, /--positions "many" must be a whole number from 1 to/],
    [{ positions: '0' }, /--positions "0" must be a whole number/],
    [{ flips: '-1' }, /--flips "-1" must be a whole number/],
    [{ seed: '1.5' }, /--seed "1.5" must be a whole number/],
    [{ gateway: '4002' }, /--gateway "4002" must be HOST:PORT such as 127.0.0.1:4002/],
    [{ gateway: 'host:99999' }, /must be HOST:PORT/],
    [{ gateway: '127.0.0.1:4002', seed: '1', flips: '3' }, /--seed, --flips shapes the simulated gateway/],
    [{ portfolio: 'mine.json', positions: '10' }, /leave them out beside --portfolio/],
  ])('refuses %j with the remedy', (raw, fault) => {
    expect(() => read(raw)).toThrow(fault);
  });

  it('names every fault at once', () => {
    expect(() => read({ for: 'soon', active: '3', gateway: 'x' })).toThrow(/--for.*--active.*--gateway/);
  });
});

describe('the size of a generated portfolio', () => {
  const choice = { file: undefined, positions: undefined, activeLegs: undefined, seed: undefined };

  it('is 200 contracts with 20 active legs', () => {
    expect(portfolioSize(choice)).toEqual({ positions: 200, activeLegs: 20, seed: 1 });
  });

  it('has as many condors as fit when there are fewer contracts', () => {
    expect(portfolioSize({ ...choice, positions: 10 }).activeLegs).toBe(8);
    expect(portfolioSize({ ...choice, positions: 3 }).activeLegs).toBe(0);
  });
});
