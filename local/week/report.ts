import type { Reconciliation } from '../run/reconcile.ts';
import type { Relation, Timing } from './profile.ts';

/** How often one kind of deed was planned, and how often it reached anybody. */
export interface DeedCount {
  readonly name: string;
  readonly planned: number;
  readonly exercised: number;
  /** Of those that reached nobody: why. */
  readonly unmet: readonly string[];
}

export interface PhaseReport {
  readonly name: string;
  /** From the last deed until all sides agreed; null where they never did. */
  readonly quietMs: number | null;
  /** What they did not agree on. */
  readonly complaints: readonly string[];
  /** Strategies that had no lines at the end of it, with the bridge's reason. */
  readonly degraded: readonly string[];
  /** Resident memory of the bridge, MiB. */
  readonly memoryMb: number | null;
}

/** What `npm run week -- --json` prints as the last line. */
export interface WeekReport {
  readonly seed: number;
  readonly sessions: number;
  readonly timing: Timing;
  readonly relations: readonly Relation[];
  readonly phases: readonly PhaseReport[];
  readonly deeds: readonly DeedCount[];
  readonly lines: {
    readonly cap: number;
    readonly peak: number;
    readonly peakWithSnapshots: number;
    readonly refused: number;
  };
  /** How writes were made to fail. */
  readonly disk: string;
  readonly bridge: { readonly starts: number; readonly kills: number };
  readonly snapshots: Pick<
    Reconciliation,
    'produced' | 'stored' | 'deadLettered' | 'dropped' | 'inFlight' | 'lost'
  >;
  /** Invocations of functions, and those that took longer than they may: a machine that is too busy for the week. */
  readonly functions: { readonly invocations: number; readonly timeouts: number };
  readonly turns: { readonly opened: number; readonly closed: number; readonly false: number };
  readonly verify: { readonly exitCode: number; readonly verdict: string };
  readonly durationS: number;
  /** Everything that is not as it should be, one sentence each. */
  readonly complaints: readonly string[];
  readonly holds: boolean;
}
