import type { Contract } from '../../shared/contract.ts';
import { isZero } from '../../shared/decimal.ts';
import type { Mark } from '../../shared/snapshot.ts';
import type {
  BridgeStatus,
  LegStatus,
  LineState,
  LineStatus,
  PolledStatus,
  StrategyStatus,
} from '../../shared/status.ts';
import { contractName } from '../output/contract.ts';
import { shownInstant } from '../output/instant.ts';

/** What one bridge says of one contract or one strategy. */
export type Explanation =
  | { readonly kind: 'strategy'; readonly strategy: StrategyStatus; readonly sentences: readonly string[] }
  | {
      readonly kind: 'contract';
      readonly conId: number;
      readonly contract?: Contract;
      readonly line?: LineStatus;
      /** Open strategies that hold or watch it, in the order of service. */
      readonly claims: readonly Claim[];
      readonly polled?: PolledStatus;
      readonly sentences: readonly string[];
    };

interface Claim {
  readonly strategy: StrategyStatus;
  readonly leg: LegStatus;
}

/**
 * @param asked a strategy's id, else a conId
 * @returns undefined where the bridge knows of neither
 */
export function explain(status: BridgeStatus, asked: string): Explanation | undefined {
  const strategy = status.lines.strategies.find(({ id }) => id === asked);
  if (strategy) return { kind: 'strategy', strategy, sentences: [describeStrategy(strategy, status.at)] };
  return /^\d{1,15}$/.test(asked) ? explainContract(status, Number(asked)) : undefined;
}

function explainContract({ lines, at }: BridgeStatus, conId: number): Explanation | undefined {
  const line = lines.rows.find((row) => row.conId === conId);
  const polled = lines.polled.find((row) => row.conId === conId);
  const claims = lines.strategies.flatMap((strategy) => {
    const leg = strategy.legs.find((each) => each.conId === conId);
    return leg ? [{ strategy, leg }] : [];
  });
  if (!line && !polled && claims.length === 0) return undefined;
  const contract = line?.contract ?? claims[0]?.leg.contract;
  return {
    kind: 'contract',
    conId,
    ...(contract === undefined ? {} : { contract }),
    ...(line === undefined ? {} : { line }),
    claims,
    ...(polled === undefined ? {} : { polled }),
    sentences: [
      line
        ? describeLine(line, at)
        : 'It has no line: no ACTIVE strategy of this bridge holds or watches it.',
      ...claims.map((claim) => describeClaim(claim, at)),
      ...describeWatchClass(claims, line),
      ...describePoll(polled, line, at),
    ],
  };
}

/** @returns what is explained, as a title: `SPY 2026-12-18 600 P, conId 1` or `spy-condor, DU***67, priority 1` */
export function titleOf(explanation: Explanation): string {
  if (explanation.kind === 'strategy') {
    const { id, account, priority } = explanation.strategy;
    return `${id}, ${account}, priority ${priority}`;
  }
  const { conId, contract, polled } = explanation;
  const name = contract === undefined ? polled?.name : contractName(contract);
  return name === undefined ? `conId ${conId}` : `${name}, conId ${conId}`;
}

const STRATEGY_STATES: Readonly<Record<StrategyStatus['state'], string>> = {
  streaming: 'It has been streaming since',
  stale: 'Some of its lines have been silent since',
  partial: 'It has been streaming in part since',
  pending: 'Its lines have been on their way since',
  degraded: 'It has had no lines since',
  inactive: 'It has wanted no lines since',
  'not-ours': 'It has been out of reach of this bridge since',
};

function describeStrategy({ state, since, reason }: StrategyStatus, now: string): string {
  return `${STRATEGY_STATES[state]} ${utc(since, now)}: ${reason}.`;
}

const LINE_STATES: Readonly<Record<LineState, string>> = {
  wanted: 'It has had no line since',
  sent: 'A line was asked for at',
  confirmed: 'It has had a line since',
  stale: 'Its line has been silent since',
  refused: 'It was refused a line at',
  ended: 'Its line has been on its way back since',
};

function describeLine({ state, since, reason, ticks, quality, mark }: LineStatus, now: string): string {
  const heard =
    state === 'confirmed' || state === 'stale'
      ? ` ${ticks} ${ticks === 1 ? 'tick' : 'ticks'} so far, ${describeMark(mark, quality)}.`
      : '';
  return `${LINE_STATES[state]} ${utc(since, now)}: ${reason}.${heard}`;
}

function describeClaim({ strategy, leg }: Claim, now: string): string {
  const { id, account, priority, state, since, reason } = strategy;
  const claim = isZero(leg.quantity) ? 'watches it, owning none' : `holds ${leg.quantity} of it`;
  const held = leg.held === undefined ? '' : `, of ${leg.held} in ${account}`;
  return `${id} (priority ${priority}) ${claim}${held}; ${state} since ${utc(since, now)}: ${reason}.`;
}

/** Said once: it goes by contract and not by strategy, and a line of the class has said it already. */
function describeWatchClass(claims: readonly Claim[], line: LineStatus | undefined): string[] {
  if (line?.watch && line.state === 'confirmed') return [];
  const watch = claims.find(({ leg }) => leg.watch !== undefined)?.leg.watch;
  return watch === undefined ? [] : [`As a held short option it is ${watch}.`];
}

function describePoll(polled: PolledStatus | undefined, line: LineStatus | undefined, now: string): string[] {
  if (!polled) return line?.state === 'confirmed' ? [] : ['No poll of its price is known.'];
  const { lastAt, source, quality, mark } = polled;
  if (lastAt === undefined) return [`Its price has not been polled yet: quality ${quality}.`];
  const from = source === 'stream' ? ', from the line that streams it anyway' : '';
  return [`Its price was last polled at ${utc(lastAt, now)}${from}: ${describeMark(mark, quality)}.`];
}

function describeMark(mark: Mark | undefined, quality: string): string {
  const { bid, ask, price } = mark ?? {};
  const prices = Object.entries({ bid, ask, price }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value}`],
  );
  return [...prices, `quality ${quality}`].join(', ');
}

function utc(at: string, now: string): string {
  return `${shownInstant(at, now)} UTC`;
}
