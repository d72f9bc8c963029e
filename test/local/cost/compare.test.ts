import { describe, expect, it } from 'vitest';
import { monthOf } from '../../../cli/cost/month.ts';
import { compareMonths } from '../../../local/cost/compare.ts';
import { callUsage, invocationUsage, phaseUsage, usageOf } from '../../cli/cost/usages.ts';

/** Of so many messages a minute. */
const month = (messages: number, minutes: number) =>
  monthOf(
    usageOf({
      steady: phaseUsage({
        durationMs: minutes * 60_000,
        messages: { 'snapshot stream changed': messages * minutes },
        calls: [
          callUsage({
            component: 'bridge-home',
            service: 'sqs',
            operation: 'SendMessageBatch',
            requests: minutes,
          }),
          callUsage({ service: 'dynamodb', operation: 'PutItem', writeUnits: messages * minutes }),
        ],
        invocations: [invocationUsage({ invocations: minutes, records: messages * minutes })],
      }),
    }),
  );

describe('a short run beside a long one', () => {
  it('agrees within a tenth, whichever of them is the larger', () => {
    expect(compareMonths(month(40, 2), month(40, 28))).toMatchObject({ agrees: true });
    expect(compareMonths(month(42, 2), month(40, 28)).agrees).toBe(true);
    expect(compareMonths(month(80, 2), month(40, 28)).agrees).toBe(false);
    expect(compareMonths(month(20, 2), month(40, 28)).agrees).toBe(false);
  });

  it('shows each figure of both, and by how much they differ', () => {
    const { text } = compareMonths(month(40, 2), month(40, 28));
    expect(text.split('\n')[0]).toMatch(/2 min +28 min$/);
    expect(text).toMatch(/^ingest path, before the free part +\d\.\d\d +\d\.\d\d USD +\+0\.0 %$/m);
    expect(text).toMatch(/^whole stack, after it /m);
  });
});
