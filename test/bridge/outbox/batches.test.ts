import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, isRefused, isSuspect, type Sendable } from '../../../bridge/outbox/batches.ts';
import { SQS } from '../../../shared/limits.ts';

const waiting = fc
  .array(fc.integer({ min: 1, max: SQS.payloadMaxBytes }), { maxLength: 60 })
  .map((sizes) => sizes.map((bytes, key): Sendable => ({ key, message: 'snapshot', body: '', bytes })));

describe('batches', () => {
  it('hold every message once, in order, within the limits of SQS', () => {
    fc.assert(
      fc.property(waiting, (messages) => {
        const batches = batchesOf(messages);
        expect(batches.flat()).toEqual(messages);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(SQS.sendBatchMax);
          expect(batch.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(SQS.payloadMaxBytes);
        }
      }),
    );
  });

  it('keep a suspect for itself', () => {
    const messages = [1, 2, 3].map((key): Sendable => ({ key, message: 'snapshot', body: '', bytes: 1 }));
    const batches = batchesOf(messages, (key) => key === 2);
    expect(batches.map((batch) => batch.map(({ key }) => key)).toSorted()).toEqual([[1, 3], [2]]);
  });
});

describe('what SQS says of one entry', () => {
  it.each([
    ['InvalidMessageContents', true, true],
    ['InvalidParameterValue', true, true],
    ['AWS.SimpleQueueService.InvalidParameterValue', true, true],
    ['InternalError', false, false],
    ['RequestThrottled', true, false],
    ['KmsAccessDenied', true, false],
    ['InvalidMessageContents', false, false],
  ])('%s with SenderFault %s is a refusal: %s', (Code, SenderFault, expected) => {
    expect(isRefused({ Id: '1', Code, SenderFault })).toBe(expected);
  });

  it('suspects a message only where the fault cannot be the queue or the way to it', () => {
    const named = (name: string) => Object.assign(new Error('x'), { name });
    expect(isSuspect(named('BatchRequestTooLong'))).toBe(true);
    expect(isSuspect(named('InvalidMessageContents'))).toBe(true);
    for (const name of ['QueueDoesNotExist', 'AccessDenied', 'InvalidParameterValue', 'TimeoutError']) {
      expect(isSuspect(named(name))).toBe(false);
    }
  });
});
