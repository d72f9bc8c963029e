import { describe, expect, it } from 'vitest';
import { heartbeatMetrics, newestHeartbeats } from '../../../functions/drain/heartbeat.ts';
import { HEARTBEAT_METRICS } from '../../../shared/metrics.ts';
import { heartbeat } from '../../support/messages.ts';

describe('a heartbeat as metrics', () => {
  it("is stamped with the heartbeat's own time and has the bridge as its only dimension", () => {
    const document = heartbeatMetrics(heartbeat());
    expect(document).toMatchObject({
      _aws: {
        Timestamp: Date.parse('2026-11-20T15:00:00.000Z'),
        CloudWatchMetrics: [
          {
            Namespace: 'slotwise',
            Dimensions: [['Bridge']],
            Metrics: HEARTBEAT_METRICS.map(({ name, unit }) => ({ Name: name, Unit: unit })),
          },
        ],
      },
      Bridge: 'home',
      LinesInUse: 20,
      OutboxAge: 1200,
      KeyframeAge: 60_000,
    });
  });

  it('is the same for every copy of it', () => {
    expect(heartbeatMetrics(heartbeat())).toEqual(heartbeatMetrics(heartbeat()));
  });

  it('leaves out what the bridge does not know yet', () => {
    const { keyframeAgeMs: _unknown, ...gauges } = heartbeat().gauges;
    const document = heartbeatMetrics(heartbeat({ gauges }));
    expect(document).not.toHaveProperty('KeyframeAge');
    expect(JSON.stringify(document)).not.toContain('KeyframeAge');
  });

  it('names no account', () => {
    expect(JSON.stringify(heartbeatMetrics(heartbeat()))).not.toContain('DU9000001');
  });
});

describe('newestHeartbeats', () => {
  it('keeps one of each bridge, whatever the order', () => {
    const older = heartbeat({ at: '2026-11-20T15:00:00.000Z' });
    const newer = heartbeat({ at: '2026-11-20T15:01:00.000Z' });
    const other = heartbeat({ bridge: 'cloud' });
    expect(newestHeartbeats([newer, other, older])).toEqual([newer, other]);
  });
});
