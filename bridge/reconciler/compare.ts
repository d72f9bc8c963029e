import { compareDecimals, type Decimal } from '../../shared/decimal.ts';
import { isNewer, type Snapshot, snapshotId } from '../../shared/snapshot.ts';
import type { DifferenceKind } from '../../shared/status.ts';
import type { CommittedPosition } from '../outbox/draft.ts';
import { type HeldPosition, type List, positionKey } from '../positions/differ.ts';
import { isDoubted } from '../positions/mend.ts';

/** A row of the `positions` table, as far as it is compared. */
export type TableRow = Pick<
  Snapshot,
  'bridge' | 'epoch' | 'seq' | 'observedAt' | 'quantity' | 'averageCost' | 'contract'
>;

/** Who holds what one partition of the table has: an account, or a model of it. */
export interface Holder {
  readonly account: string;
  readonly modelCode?: string | undefined;
}

export interface Difference {
  /** As `positionKey` has it. */
  readonly key: string;
  readonly kind: DifferenceKind;
  readonly holder: Holder;
  readonly conId: number;
  /** What is held, or what the table claims; absent where the row cannot be read. */
  readonly position?: HeldPosition;
  /** "0" is not held. */
  readonly held: Decimal;
  readonly row?: { readonly id: string; readonly quantity: Decimal };
}

export interface Terms {
  /** The last complete list of the account. */
  readonly list: List;
  readonly lastKeyframeAt: string;
  /** Where the next snapshot of this bridge will stand. */
  readonly next: Pick<Snapshot, 'bridge' | 'epoch' | 'seq'>;
  /** IB security types to record; absent means all. */
  readonly secTypes?: ReadonlySet<string> | undefined;
}

/**
 * One partition of the table against what its holder has by the last complete list, row by row as they come. What that
 * list lacks and nobody has closed is neither held nor gone: it is not compared.
 */
export class HolderComparison {
  readonly #holder: Holder;
  readonly #terms: Terms;
  /** Those without a row so far. */
  readonly #held = new Map<number, HeldPosition>();
  readonly #doubted = new Set<number>();
  /** Positions compared. */
  readonly compared: number;

  /** @param positions of the holder, all that is committed */
  constructor(holder: Holder, positions: readonly CommittedPosition[], terms: Terms) {
    this.#holder = holder;
    this.#terms = terms;
    for (const position of positions) {
      const { conId } = position.contract;
      if (isDoubted(position)) this.#doubted.add(conId);
      else if (this.#isRecorded(position)) this.#held.set(conId, position);
    }
    this.compared = this.#held.size;
  }

  see(row: TableRow): Difference | undefined {
    const { conId } = row.contract;
    const held = this.#held.get(conId);
    this.#held.delete(conId);
    if (this.#doubted.has(conId) || !this.#isRecorded(row)) return undefined;
    const kind = this.#kindOf(held, row);
    if (kind === undefined) return undefined;
    const { contract, quantity, averageCost } = row;
    const claimed: HeldPosition = { ...this.#holder, contract, quantity, averageCost };
    return {
      ...this.#difference(kind, conId, held ?? claimed),
      held: held?.quantity ?? '0',
      row: { id: snapshotId(row), quantity },
    };
  }

  seeUnreadable(conId: number): Difference {
    const held = this.#held.get(conId);
    this.#held.delete(conId);
    return { ...this.#difference('unreadable', conId, held), held: held?.quantity ?? '0' };
  }

  /** After the last row: what the table lacks. */
  *rest(): Iterable<Difference> {
    for (const [conId, held] of this.#held) {
      yield { ...this.#difference('missing', conId, held), held: held.quantity };
    }
  }

  #kindOf(held: HeldPosition | undefined, row: TableRow): DifferenceKind | undefined {
    const { list, lastKeyframeAt, next } = this.#terms;
    const isSame = compareDecimals(held?.quantity ?? '0', row.quantity) === 0;
    if (isSame && (held === undefined || row.observedAt >= lastKeyframeAt)) return undefined;
    if (!isNewer({ ...next, observedAt: list.completedAt }, row)) return 'newer';
    if (held === undefined) return 'extra';
    return isSame ? 'stale' : 'quantity';
  }

  #isRecorded({ contract }: Pick<HeldPosition, 'contract'>): boolean {
    return this.#terms.secTypes?.has(contract.secType) ?? true;
  }

  #difference(kind: DifferenceKind, conId: number, position: HeldPosition | undefined) {
    const key = positionKey(this.#holder.account, conId, this.#holder.modelCode);
    return { key, kind, holder: this.#holder, conId, ...(position === undefined ? {} : { position }) };
  }
}

/** Of what a mending consists. */
export function isMendable({ kind }: Pick<Difference, 'kind'>): boolean {
  return kind !== 'newer' && kind !== 'unreadable';
}
