/** What time metrics have. Tests that cannot wait for half an hour of values hand in one that they push forward. */
export interface MetricClock {
  /** Epoch milliseconds. */
  now(): number;
  /** What this clock showed at an instant of the machine's own clock, in epoch milliseconds. */
  at(machineMs: number): number;
}

export const MACHINE_CLOCK: MetricClock = { now: () => Date.now(), at: (machineMs) => machineMs };
