import {
  type DiffOptions,
  diffSweep,
  type PositionRow,
  type PositionState,
} from '../../../bridge/positions/differ.ts';
import { diffMending } from '../../../bridge/positions/mend.ts';
import { testimonyOf } from '../../../bridge/positions/testimony.ts';
import { HolderComparison, type TableRow } from '../../../bridge/reconciler/compare.ts';
import {
  dueOf,
  Findings,
  judge,
  mendingOf,
  type Suspect,
  type Suspects,
  standing,
} from '../../../bridge/reconciler/suspects.ts';
import { isNewer } from '../../../shared/snapshot.ts';
import { ACCOUNT, contract, OPTIONS, START, sweep } from '../positions/rows.ts';

export const BRIDGE = 'home';
export const EPOCH = '1795185000000-aaaaaa';
const DRAIN_PERIOD_MS = 65_000;
export const EMPTY: PositionState = {
  positions: new Map(),
  lists: new Map(),
  guards: new Map(),
  doubts: new Map(),
};

export function tableRow(conId: number, quantity: string, fields: Partial<TableRow> = {}): TableRow {
  return {
    bridge: BRIDGE,
    epoch: EPOCH,
    seq: 1,
    observedAt: new Date(START).toISOString(),
    quantity,
    averageCost: '2100.6321',
    contract: contract(conId),
    ...fields,
  };
}

/** Bridge, drain and table in one, pure: seconds pass, what is sent arrives at once. */
export class World {
  readonly table = new Map<number, TableRow>();
  readonly closed: number[] = [];
  /** What the gateway lists, and what the account's own window shows. */
  rows: readonly PositionRow[];
  window: readonly PositionRow[];
  state: PositionState = EMPTY;
  suspects: Suspects = new Map();
  mended: Suspect[] = [];
  findings = new Findings();
  seconds = 0;
  /** Nothing arrives: the drain stands still. */
  isDrainAway = false;
  #seq = 0;
  #drainedAt = '';

  constructor(rows: readonly PositionRow[]) {
    this.rows = rows;
    this.window = rows;
    this.sweep();
  }

  get #options(): DiffOptions {
    const testimony = testimonyOf(this.window, this.seconds * 1000);
    return {
      ...OPTIONS,
      // So that no keyframe mends what a look should.
      keyframePeriodMs: 86_400_000,
      accounts: new Set([ACCOUNT]),
      testimonies: new Map([[ACCOUNT, testimony]]),
    };
  }

  /** Half a minute, with a complete sweep at its end. */
  sweep(): void {
    this.seconds += 30;
    this.#apply(diffSweep(this.state, sweep(this.seconds, this.rows), this.#options));
    if (!this.isDrainAway) this.#drainedAt = this.#now;
  }

  /** @returns what was mended */
  look(): readonly Suspect[] {
    const list = this.state.lists.get(ACCOUNT);
    const { lastKeyframeAt } = this.state;
    if (list === undefined || lastKeyframeAt === undefined) throw new Error('a sweep is expected');
    this.findings = new Findings(this.suspects);
    const comparison = new HolderComparison({ account: ACCOUNT }, [...this.state.positions.values()], {
      list,
      lastKeyframeAt,
      next: { bridge: BRIDGE, epoch: EPOCH, seq: this.#seq + 1 },
    });
    for (const row of this.table.values()) {
      const difference = comparison.see(row);
      if (difference !== undefined) this.findings.add(difference);
    }
    for (const difference of comparison.rest()) this.findings.add(difference);
    this.findings.drainedAt.set(ACCOUNT, this.#drainedAt);
    const nowTick = this.seconds * 1000;
    const judged = judge(this.suspects, this.findings, {
      state: this.state,
      accounts: new Set([ACCOUNT]),
      now: this.#now,
      nowTick,
    });
    this.suspects = judged.suspects;
    this.mended.push(...judged.mended);
    const found = standing(this.suspects, { nowTick, drainPeriodMs: DRAIN_PERIOD_MS });
    const due = dueOf(found, { drainedAt: this.findings.drainedAt, lastKeyframeAt });
    this.#apply(diffMending(this.state, mendingOf(due), this.#options));
    const sent = new Map(due.map((suspect) => [suspect.key, { ...suspect, mendedAt: this.#now }]));
    this.suspects = new Map([...this.suspects, ...sent]);
    return due;
  }

  get #now(): string {
    return new Date(START + this.seconds * 1000).toISOString();
  }

  #apply({ changes, next }: ReturnType<typeof diffSweep>): void {
    this.state = next;
    for (const { reason, position, observedAt } of changes) {
      if (reason === 'closed') this.closed.push(position.contract.conId);
      this.#seq += 1;
      const { contract: held, quantity, averageCost } = position;
      if (this.isDrainAway) continue;
      this.put({
        bridge: BRIDGE,
        epoch: EPOCH,
        seq: this.#seq,
        observedAt,
        contract: held,
        quantity,
        averageCost,
      });
    }
  }

  /** As the drain does: the newer row wins. */
  put(row: TableRow): void {
    const present = this.table.get(row.contract.conId);
    if (present === undefined || isNewer(row, present)) this.table.set(row.contract.conId, row);
  }
}
