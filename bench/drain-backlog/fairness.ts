import { HOT_CON_ID } from './traffic.ts';

/** How far the state of the hot contract and of the others is, at one moment: shares of the backlog, 0 to 1. */
export interface Progress {
  readonly hot: number;
  readonly othersSlowest: number;
  readonly othersMedian: number;
}

/**
 * @param seqs of the snapshot that each contract's item in the positions table is of, by conId
 * @param conIds of the backlog
 */
export function progressOf(
  seqs: ReadonlyMap<number, number>,
  options: { readonly conIds: readonly number[]; readonly messages: number },
): Progress {
  const share = (conId: number) => Math.min(1, (seqs.get(conId) ?? 0) / options.messages);
  const others = options.conIds
    .filter((conId) => conId !== HOT_CON_ID)
    .map(share)
    .sort((left, right) => left - right);
  return {
    hot: share(HOT_CON_ID),
    othersSlowest: others[0] ?? 0,
    othersMedian: others[Math.floor(others.length / 2)] ?? 0,
  };
}
