import { describe, expect, it } from 'vitest';
import type { Call } from '../../../local/aws/access.ts';
import { Journal } from '../../../local/aws/journal.ts';

const call = (principal: string, resource = 'arn:aws:sqs:us-east-1:000000000000:q'): Call => ({
  service: 'sqs',
  operation: 'SendMessage',
  principal,
  accesses: [{ action: 'sqs:SendMessage', resource }],
});

describe('the journal of the front door', () => {
  it('adds up equal calls, faults and bytes', () => {
    const journal = new Journal();
    journal.record(call('bridge'), { status: 200, bytesIn: 10, bytesOut: 1 });
    journal.record(call('bridge'), { status: 503, bytesIn: 20, bytesOut: 2 });
    journal.record(call('cli'), { status: 200, bytesIn: 5, bytesOut: 5 });
    expect(journal.entries()).toEqual([
      { call: call('bridge'), count: 2, faults: 1, bytesIn: 30, bytesOut: 3 },
      { call: call('cli'), count: 1, faults: 0, bytesIn: 5, bytesOut: 5 },
    ]);
    expect(journal.count({ principal: 'bridge' })).toBe(2);
  });

  it('keeps each question that policies were asked, refusals apart, objects by their like', () => {
    const journal = new Journal();
    const put = (name: string) => ({ ...call('drain'), accesses: [object(name)] });
    const object = (name: string) => ({
      action: 's3:PutObject',
      resource: `arn:aws:s3:::lake/raw/v1/${name}`,
    });
    const outcome = { status: 200, bytesIn: 1, bytesOut: 1 };
    for (const name of ['a', 'b']) journal.record(put(name), outcome);
    const refused = put('c');
    journal.record(refused, { ...outcome, status: 403, denied: refused.accesses });
    expect(journal.accesses()).toMatchObject([
      { principal: 'drain', ...object('a'), count: 2, denied: 0 },
      { principal: 'drain', ...object('c'), count: 1, denied: 1 },
    ]);
  });

  it('stays bounded whatever it is called with, and still counts every call', () => {
    const journal = new Journal();
    for (let n = 0; n < 6000; n += 1) {
      journal.record(call('x', `arn:aws:sqs:us-east-1:000000000000:q${n}`), {
        status: 200,
        bytesIn: 1,
        bytesOut: 0,
      });
    }
    expect(journal.entries().length).toBeLessThanOrEqual(5001);
    expect(journal.accesses().length).toBeLessThanOrEqual(5000);
    expect(journal.count({})).toBe(6000);
  });
});
