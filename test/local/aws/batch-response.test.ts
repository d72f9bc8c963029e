import { describe, expect, it } from 'vitest';
import { judge } from '../../../local/aws/batch-response.ts';

const ids = new Set(['a', 'b']);
const of = (response: unknown, reportsFailures = true) =>
  judge({ ok: true, requestId: 'r', response }, ids, reportsFailures);
const all = { kind: 'failed', fault: expect.any(String) };
const none = { kind: 'done', failed: new Set() };

describe('what a response says about its batch', () => {
  it.each<[string, unknown, unknown]>([
    ['nothing', null, none],
    ['an empty object', {}, none],
    ['an empty list', { batchItemFailures: [] }, none],
    ['a null list', { batchItemFailures: null }, none],
    ['a text', 'ok', none],
    [
      'one identifier',
      { batchItemFailures: [{ itemIdentifier: 'b' }] },
      { kind: 'done', failed: new Set(['b']) },
    ],
    ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }, all],
    ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }, all],
    ['a wrong key', { batchItemFailures: [{ id: 'b' }] }, all],
    ['an identifier of another batch', { batchItemFailures: [{ itemIdentifier: 'z' }] }, all],
    ['no list', { batchItemFailures: 'b' }, all],
  ])('%s', (_what, response, verdict) => {
    expect(of(response)).toEqual(verdict);
  });

  it('means nothing without ReportBatchItemFailures', () => {
    expect(of({ batchItemFailures: [{ itemIdentifier: 'b' }] }, false)).toEqual(none);
  });

  it('is a complete failure when the handler threw', () => {
    expect(judge({ ok: false, requestId: 'r', fault: 'boom' }, ids, true)).toEqual({
      kind: 'failed',
      fault: 'boom',
    });
  });
});
