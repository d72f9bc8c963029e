import { describe, expect, it } from 'vitest';
import { renderLine, renderView, type ViewState } from '../../../local/run/view.ts';

const state: ViewState = {
  elapsedMs: 72_000,
  gateway: { address: '127.0.0.1:40123', state: 'ready', serverVersion: 193 },
  lines: { cap: 100, streaming: 20, snapshotsInFlight: 4, peak: 20, peakWithSnapshots: 24, refused: 0 },
  sweeps: { complete: 3, failed: 0, positions: 200, ageMs: 12_400 },
  ticks: { total: 10_345, perSecond: 171.6 },
  outbox: { depth: 2, produced: 412 },
  queue: { waiting: 3, inWork: 12 },
  lake: { rows: 395, objects: 9 },
  registry: { version: 7, active: 4, strategies: 5 },
  functions: [
    { name: 'drain', batches: 12, largest: 50, failed: 0 },
    { name: 'feed', batches: 7, largest: 5, failed: 1 },
  ],
  news: ['spy-condor switched off'],
};

describe('the live view', () => {
  it('shows every figure of a run', () => {
    expect(renderView(state, 200).split('\n')).toEqual([
      'slotwise local · 0:01:12 · gateway 127.0.0.1:40123 ready (server version 193)',
      '  lines      █████░░░░░░░░░░░░░░░░░░░ 20 of 100 streaming + 4 snapshots · peak 20, with snapshots 24 · refused 0',
      '  sweeps     3 complete, 0 failed · 200 positions · last 12 s ago',
      '  ticks      10,345 · 172/s',
      '  outbox     2 waiting of 412 snapshots produced',
      '  queue      3 waiting, 12 in work',
      '  lake       395 rows in 9 objects',
      '  registry   version 7 · 4 of 5 strategies active',
      '  functions  drain: 12 batches, largest 50',
      '             feed: 7 batches, largest 5, 1 failed',
      '  news       spy-condor switched off',
    ]);
  });

  it('fits the terminal, so that no line wraps and leaves a trace', () => {
    for (const line of renderView(state, 40).split('\n')) expect(line.length).toBeLessThanOrEqual(40);
  });

  it('does not pretend to know what was not read yet', () => {
    const { queue: _queue, lake: _lake, ...early } = state;
    const text = renderView({ ...early, ticks: { total: 0 }, remainingMs: 5000 }, 200);
    expect(text).toContain('not seen yet');
    expect(text).toContain('not read yet');
    expect(text).toContain('0:00:05 left');
    expect(text).not.toMatch(/undefined|NaN/);
    expect(renderLine(early)).toContain('queue ? · lake ? rows');
  });

  it('puts the same on one line for a log', () => {
    expect(renderLine(state)).toBe(
      '0:01:12 · gateway ready · lines 20/100 · sweeps 3 · ticks 10345 · outbox 2 · queue 15 · lake 395 rows · registry 7',
    );
  });
});
