import type { Outbox } from '../outbox/draft.ts';
import type { PositionState } from '../positions/differ.ts';
import { type Holder, HolderComparison, type Terms } from './compare.ts';
import { Findings, type Suspects } from './suspects.ts';
import { type PositionsTable, readHolder } from './table.ts';

export interface LookOptions {
  readonly bridge: string;
  readonly book: { readonly state: PositionState };
  readonly outbox: Pick<Outbox, 'epoch' | 'status'>;
  readonly table: PositionsTable;
  readonly accounts: ReadonlySet<string>;
  /** IB security types to record; absent means all. */
  readonly secTypes?: ReadonlySet<string> | undefined;
  readonly known: Suspects;
  /** ISO 8601: the begin of the look before. */
  readonly lookedAt: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads the table once, account by account, and compares as the rows come.
 * @returns what was found, and the accounts that were not read: they have no complete list since the look before
 * @throws Error of the SDK, OutboxFault
 */
export async function lookAtTable(
  options: LookOptions,
): Promise<{ readonly findings: Findings; readonly unread: readonly string[] }> {
  const { bridge, book, outbox, accounts, secTypes, lookedAt } = options;
  const findings = new Findings(options.known);
  const unread: string[] = [];
  const { produced } = await outbox.status();
  const next = { bridge, epoch: outbox.epoch, seq: produced + 1 };
  for (const account of accounts) {
    const { lists, lastKeyframeAt } = book.state;
    const list = lists.get(account);
    const isOld = list !== undefined && lookedAt !== undefined && list.completedAt <= lookedAt;
    if (list === undefined || lastKeyframeAt === undefined || isOld) unread.push(account);
    else await compareAccount(account, { list, lastKeyframeAt, next, secTypes }, { ...options, findings });
  }
  return { findings, unread };
}

/** Models of which nothing is held are not read: nobody knows their names. */
async function compareAccount(
  account: string,
  terms: Terms,
  { bridge, book, table, findings, signal }: LookOptions & { readonly findings: Findings },
): Promise<void> {
  const positions = [...book.state.positions.values()].filter((position) => position.account === account);
  const models = new Set([undefined, ...positions.map(({ modelCode }) => modelCode)]);
  let drainedAt: string | undefined;
  for (const modelCode of models) {
    const holder: Holder = modelCode === undefined ? { account } : { account, modelCode };
    const own = positions.filter((position) => position.modelCode === modelCode);
    const comparison = new HolderComparison(holder, own, terms);
    for await (const item of readHolder(table, holder, signal)) {
      if (item.type === 'lease') {
        if (item.bridge === bridge) drainedAt = item.at;
        continue;
      }
      findings.rows += 1;
      const difference =
        item.type === 'row' ? comparison.see(item.row) : comparison.seeUnreadable(item.conId);
      if (difference !== undefined) findings.add(difference);
    }
    for (const difference of comparison.rest()) findings.add(difference);
    findings.positions += comparison.compared;
  }
  findings.drainedAt.set(account, drainedAt);
}
