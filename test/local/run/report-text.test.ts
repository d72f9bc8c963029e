import { describe, expect, it } from 'vitest';
import type { ClosingReport } from '../../../local/run/report.ts';
import { renderReport } from '../../../local/run/report-text.ts';

const report: ClosingReport = {
  gateway: { serverVersion: 193 },
  lines: { cap: 100, streaming: 20, peak: 20, peakWithSnapshots: 24, refused: 0 },
  sweeps: { complete: 2, failed: 0 },
  ticks: 9000,
  snapshots: {
    produced: 1412,
    stored: 1410,
    deadLettered: 1,
    dropped: 1,
    inFlight: 0,
    duplicateRows: 0,
    rawDuplicates: 3,
  },
  batches: { count: 40, maxSize: 50 },
  registry: { changes: 2, p50Ms: 310.4, p99Ms: null },
  permissions: { denied: 0, unused: 0 },
  cost: { ingestUsd: 1.2, grossUsd: 4.5, netUsd: 0.8 },
  balanced: true,
};

describe('the closing report for a person', () => {
  it('shows the sum that has to balance', () => {
    expect(renderReport(report).split('\n')).toEqual([
      'closing report',
      '  gateway    server version 193',
      '  lines      20 streaming at the end, peak 20, with snapshots 24, refused 0, cap 100',
      '  sweeps     2 complete, 0 failed',
      '  ticks      9,000',
      '  snapshots  1,412 produced = 1,410 stored + 1 dead-lettered + 1 dropped + 0 in flight',
      '             0 duplicate rows for a reader, 3 in the raw objects',
      '  batches    40, the largest of 50',
      '  registry   2 changes measured, from table write to gateway socket p50 310.4 ms, p99 -',
      '  policies   0 calls refused, 0 grants that nothing used and nothing explains',
      '  cost       a month of this in AWS: 4.50 USD, 0.80 after the always-free part (slotwise cost)',
      '  balanced   yes: every snapshot is where it belongs',
    ]);
  });

  it('does not call a gateway by a version that never answered', () => {
    const text = renderReport({ ...report, gateway: { serverVersion: null }, balanced: false });
    expect(text).toContain('unknown: it never answered');
    expect(text).toContain('balanced   NO');
  });
});
