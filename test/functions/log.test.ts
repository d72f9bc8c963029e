import { describe, expect, it } from 'vitest';
import { createLog, describeFault } from '../../functions/log.ts';

describe('the log of a function', () => {
  it('writes one JSON line an entry, with its level and event', () => {
    const lines: string[] = [];
    createLog('drain', (line) => lines.push(line)).warn('record.failed', { attempt: 2 });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'WARN',
      function: 'drain',
      event: 'record.failed',
      attempt: 2,
    });
  });

  it('masks accounts wherever they stand, in texts of others too', () => {
    const lines: string[] = [];
    const log = createLog('drain', (line) => lines.push(line));
    log.error('x', { cause: 'Unexpected token, ..."account":"DU1234567"}...', account: 'U7654321' });
    expect(lines[0]).toContain('DU***67');
    expect(lines[0]).not.toMatch(/1234567|7654321/);
  });
});

describe('describeFault', () => {
  it('is one line, bounded, without an account', () => {
    const text = describeFault(new TypeError(`bad\n  thing of DU1234567 ${'x'.repeat(1000)}`));
    expect(text).toMatch(/^TypeError: bad thing of DU\*\*\*67 x+$/);
    expect(text.length).toBeLessThanOrEqual(300);
  });

  it('takes whatever was thrown', () => {
    expect(describeFault('just a text')).toBe('just a text');
  });
});
