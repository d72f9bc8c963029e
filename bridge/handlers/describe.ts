import type { Contract } from '../../shared/contract.ts';
import { addDecimals } from '../../shared/decimal.ts';
import type { Quote } from '../lines/quote.ts';
import type { HeldPosition } from '../positions/differ.ts';
import type { Lane, PositionUpdate } from './handler.ts';

/** What is known of contracts, by the parts that know it. */
export interface ContractKnowledge {
  readonly contractOf: (conId: number) => Contract | undefined;
  readonly positionsOf: (conId: number) => readonly HeldPosition[];
  readonly quoteOf: (conId: number) => Quote | undefined;
  /** Open strategies of this bridge's accounts that hold or watch it. */
  readonly strategyIdsOf: (conId: number) => readonly string[];
}

/** @returns undefined where not even the contract is known */
export function describeContract(
  conId: number,
  lane: Lane,
  context: ContractKnowledge & { readonly now: string },
): PositionUpdate | undefined {
  const held = context.positionsOf(conId);
  const contract = held[0]?.contract ?? context.contractOf(conId);
  if (!contract) return undefined;
  return {
    lane,
    contract,
    positions: held.map(({ account, modelCode, quantity, averageCost }) => ({
      account,
      ...(modelCode === undefined ? {} : { modelCode }),
      quantity,
      averageCost,
    })),
    quantity: addDecimals('0', ...held.map((position) => position.quantity)),
    quote: context.quoteOf(conId) ?? { quality: 'none' },
    strategyIds: context.strategyIdsOf(conId),
    at: context.now,
  };
}
