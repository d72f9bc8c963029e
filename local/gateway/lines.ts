export interface LineCounts {
  readonly cap: number;
  readonly streaming: number;
  readonly snapshotsInFlight: number;
  /** Most lines streamed at once. */
  readonly peak: number;
  /** Most lines in use at once, snapshots in flight included. */
  readonly peakWithSnapshots: number;
  /** Requests answered with 101. */
  readonly refused: number;
  /** Lines in use now, snapshots included. */
  readonly byClient: ReadonlyMap<number, number>;
  readonly byConId: ReadonlyMap<number, number>;
}
