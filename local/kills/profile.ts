/** Every sweep is a keyframe, so that a portfolio of hundreds makes as many snapshots a second. */
export const PORTFOLIO = { positions: 800, condors: 5 } as const;

/** Positions open, change and close. */
export const TRADE_PERIOD_MS = 250;

/** What restarts the bridge waits for so long. */
export const RESTART_MS = 300;

/**
 * Batches as deployed; waits that end within a run. A message may meet more kills than anything in AWS would do to it
 * before it counts as poison.
 */
export const DRAIN = { batchWindowS: 1, timeoutS: 8, visibilityTimeoutS: 49, maxReceiveCount: 10 } as const;

/** The settings of a bridge that has no time to lose. */
export const HASTE = {
  SLOTWISE_SWEEP_PERIOD_MS: '2000',
  SLOTWISE_SWEEP_DEADLINE_MS: '1900',
  SLOTWISE_KEYFRAME_PERIOD_MS: '2000',
  SLOTWISE_RECORDER_PERIOD_MS: '2000',
  SLOTWISE_HEARTBEAT_PERIOD_MS: '2000',
  SLOTWISE_SNAPSHOTS_MARKS: 'off',
  SLOTWISE_GATEWAY_BACKOFF_MIN_MS: '50',
  SLOTWISE_GATEWAY_BACKOFF_MAX_MS: '500',
} as const;
