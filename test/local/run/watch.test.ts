import { describe, expect, it } from 'vitest';
import { functionName, nameOf } from '../../../local/run/watch.ts';

describe('names as a person reads them', () => {
  it.each([
    ['DrainFunction7700C3D3', 'drain'],
    ['DeadLetterFunction00606867', 'dead-letter'],
    ['Compactor', 'compactor'],
  ])('calls %s %s', (logicalId, name) => {
    expect(functionName(logicalId)).toBe(name);
  });

  it('calls a queue by the end of its URL', () => {
    expect(nameOf('http://127.0.0.1:4711/000000000000/Snapshots')).toBe('Snapshots');
  });
});
