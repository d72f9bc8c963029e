import type { FaultInput } from '../gateway/faults.ts';
import type { Random } from '../gateway/random.ts';
import type { Deed } from './deeds.ts';
import type { World } from './profile.ts';
import { shuffled } from './shuffled.ts';

type GatewayFault = Deed & { do: 'fault' };

/** Lines that a person's TWS leaves. */
const LINES_LEFT = 12;

/**
 * The faults of the gateway in the order in which they are dealt: first those that every week has, however short,
 * then the others in the order of chance.
 * @param options.linesGranted by the gateway
 */
export function shuffledDeck(
  options: { readonly linesGranted: number; readonly world: World },
  random: Random,
): GatewayFault[] {
  const { linesGranted, world } = options;
  const always = [
    fault('farm blip, ticks come back', { kind: 'farm-broken', farm: 'usopt' }, 2000),
    fault('1100, then 1101', { kind: 'link-lost', restore: 1101 }, 2500),
    fault('1100, then 1102', { kind: 'link-lost', restore: 1102 }, 2500),
    fault(
      "a person's TWS takes lines (101)",
      { kind: 'lines-taken', count: linesGranted - LINES_LEFT, evict: true },
      3000,
    ),
  ];
  const others = [
    fault('competing session (10197)', { kind: 'competing-session' }, 3000),
    fault('2110, then 1102', { kind: 'link-lost', code: 2110, restore: 1102 }, 1500),
    fault('silence with an open socket', { kind: 'silence', what: 'everything' }, world.silenceMs),
    fault('connection reset', { kind: 'drop', how: 'reset' }),
    fault('positions that never end', { kind: 'positions', answer: 'never-end', times: 2 }),
    fault('farm blip of stocks', { kind: 'farm-broken', farm: 'usfarm' }, 2000),
    fault('delayed data', { kind: 'delayed-data' }, 2500),
    fault('greeks not computed', { kind: 'unset-greeks' }, 2500),
    fault('packets in pieces', { kind: 'fragmented', bytes: 7 }, 2500),
    fault('a frame cut in the middle', { kind: 'cut-frame', messageId: 61, after: 5 }),
    fault('an unknown message', { kind: 'corrupt', form: 'unknown-message' }),
    fault('historical farm blip', { kind: 'farm-broken', farm: 'ushmds', service: 'historical' }, 1000),
  ];
  return [...shuffled(always, random), ...shuffled(others, random)];
}

function fault(name: string, input: FaultInput, forMs?: number): GatewayFault {
  return { do: 'fault', name, fault: input, ...(forMs === undefined ? {} : { forMs }) };
}

/** What a session ends with: lines that the gateway counts, and that bring nothing until they are asked for anew. */
export const DEAD_LINES: readonly [GatewayFault, GatewayFault] = [
  fault('farm blip, ticks stay away', { kind: 'farm-broken', farm: 'usopt', ticks: 'dead' }, 1500),
  fault('1100, then 1102, ticks stay away', { kind: 'link-lost', restore: 1102, ticks: 'dead' }, 1500),
];
