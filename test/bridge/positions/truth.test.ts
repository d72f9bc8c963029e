import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommittedPosition } from '../../../bridge/outbox/draft.ts';
import {
  type Diff,
  diffPush,
  diffSweep,
  type PositionRow,
  type PositionState,
  restoreState,
} from '../../../bridge/positions/differ.ts';
import { type Testimony, testimonyOf } from '../../../bridge/positions/testimony.ts';
import { assign } from '../../../shared/assignment.ts';
import { addDecimals, isZero } from '../../../shared/decimal.ts';
import { strategy } from '../lines/strategies.ts';
import { ACCOUNT, OPTIONS, OTHER, row, START, sweep } from './rows.ts';

/** A contract that somebody holds: in an account, or in a model of it. */
const holders = fc.record({
  account: fc.constantFrom(ACCOUNT, OTHER),
  conId: fc.integer({ min: 1, max: 4 }),
  modelCode: fc.constantFrom(undefined, 'GROWTH'),
});

/** The account's own window: whole, without an answer, or still loading as the list is. */
const windows = fc.constantFrom('whole', 'whole', 'none', 'loading');

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('trade' as const),
        holder: holders,
        /** Fractions are the model's: what cancels out over models is out of the witness's sight. */
        quantity: fc.constantFrom(['-2', '1.5'], ['-1', '0.5'], ['0', '0'], ['1', '0.5']),
        /** Whether the open subscription pushes it. */
        pushed: fc.boolean(),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('sweep' as const),
        /** Which rows a gateway that is loading lists, by their place; undefined is all of them. */
        listed: fc.option(fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), { nil: undefined }),
        window: windows,
        times: fc.integer({ min: 1, max: 30 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('accounts' as const),
        held: fc.constantFrom([ACCOUNT, OTHER], [ACCOUNT], [OTHER], []),
      }),
    },
  ),
  { minLength: 5, maxLength: 25, size: 'max' },
);

type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

/** What the broker has, and a bridge that looks at it through a gateway that lies. */
class World {
  readonly truth = new Map<string, PositionRow>();
  readonly disk = new Map<string, CommittedPosition>();
  readonly falseCloses: string[] = [];
  #state: PositionState = restoreState({ positions: [] });
  #held: ReadonlySet<string> = new Set([ACCOUNT, OTHER]);
  /** Closed by the broker since the bridge was last told of it. */
  readonly #closedUnseen = new Set<string>();
  readonly #testimonies = new Map<string, Testimony>();
  #seconds = 0;

  get state(): PositionState {
    return this.#state;
  }

  run(step: Step): void {
    if (step.type === 'restart') this.#restart();
    else if (step.type === 'accounts') this.#held = new Set(step.held);
    else if (step.type === 'trade') this.#trade(step);
    else for (let time = 0; time < step.times; time += 1) this.#sweep(step);
  }

  /** The gateway tells the truth for long enough. */
  settle(): void {
    this.#held = new Set([ACCOUNT, OTHER]);
    for (let time = 0; time < 30; time += 1) this.#sweep({ listed: undefined, window: 'whole' });
  }

  #restart(): void {
    this.#state = restoreState({ positions: [...this.disk.values()] });
    this.#testimonies.clear();
  }

  #trade({ holder, quantity: [own, ofModel], pushed }: Extract<Step, { type: 'trade' }>): void {
    const { account, conId, modelCode } = holder;
    const quantity = (modelCode === undefined ? own : ofModel) ?? '0';
    const traded = row(conId, quantity, {
      account,
      ...(modelCode === undefined ? {} : { modelCode }),
      at: START,
    });
    const key = placeOf(traded);
    if (!isZero(quantity)) this.truth.set(key, traded);
    else if (this.truth.delete(key)) this.#closedUnseen.add(key);
    if (!pushed) return;
    this.#take(diffPush(this.#state, traded, { ...OPTIONS, accounts: this.#held, testimonies: new Map() }));
    this.#sees(traded);
  }

  #sweep({ listed, window }: Pick<Extract<Step, { type: 'sweep' }>, 'listed' | 'window'>): void {
    this.#seconds += 30;
    const rows = [...this.truth.values()];
    const told = rows.filter((_, index) => listed?.[index % listed.length] ?? true);
    const options = { ...OPTIONS, accounts: this.#held, testimonies: this.#testimonies };
    this.#take(diffSweep(this.#state, sweep(this.#seconds, told), options));
    for (const each of told) this.#sees(each);
    this.#askDoubted(window, told);
  }

  #sees(each: PositionRow): void {
    if (this.#held.has(each.account)) this.#closedUnseen.delete(placeOf(each));
  }

  #askDoubted(window: 'whole' | 'none' | 'loading', listed: readonly PositionRow[]): void {
    const accounts = new Set(
      [...this.#state.doubts.keys()].flatMap((key) => this.#state.positions.get(key)?.account ?? []),
    );
    for (const account of this.#testimonies.keys())
      if (!accounts.has(account)) this.#testimonies.delete(account);
    for (const account of accounts) {
      const own = [...this.truth.values()].filter((each) => each.account === account);
      // One that is loading lacks something that the list has; nobody could tell it from a whole one otherwise.
      const lacking = listed.find((each) => each.account === account)?.contract.conId;
      if (window === 'none' || (window === 'loading' && lacking === undefined)) continue;
      const shown = window === 'whole' ? own : own.filter((each) => each.contract.conId !== lacking);
      this.#testimonies.set(account, testimonyOf(shown, this.#seconds * 1000 + 1));
    }
  }

  #take({ commit, changes, next }: Diff): void {
    for (const position of commit.upserts) this.disk.set(placeOf(position), position);
    for (const { conId, ...holder } of commit.removals) this.disk.delete(placeOf(row(conId, '0', holder)));
    this.#state = next;
    for (const { reason, position } of changes) {
      const key = placeOf(position);
      if (reason === 'closed' && this.truth.has(key) && !this.#closedUnseen.has(key))
        this.falseCloses.push(key);
    }
  }
}

/** Not the key that is under test. */
function placeOf({ account, modelCode, contract }: Pick<PositionRow, 'account' | 'modelCode' | 'contract'>) {
  return JSON.stringify([account, modelCode ?? null, contract.conId]);
}

function byPlace(left: CommittedPosition, right: CommittedPosition): number {
  return placeOf(left) < placeOf(right) ? -1 : 1;
}

function quantities(
  positions: Iterable<Pick<PositionRow, 'account' | 'modelCode' | 'contract' | 'quantity'>>,
) {
  return [...positions].map((position) => `${placeOf(position)}: ${position.quantity}`).sort();
}

function lived(sequence: readonly Step[]): World {
  const world = new World();
  for (const step of sequence) world.run(step);
  return world;
}

describe('a bridge that looks at positions through a gateway that lies, restarts and loses pushes', () => {
  it('never closes what the broker has, at any time', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = lived(sequence);
        expect(world.falseCloses).toEqual([]);
        world.settle();
        expect(world.falseCloses).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('comes to see every close and every quantity once the gateway tells the truth', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = lived(sequence);
        world.settle();
        expect(quantities(world.disk.values())).toEqual(quantities(world.truth.values()));
        expect([...world.disk.values()].map(({ missedSweeps }) => missedSweeps)).toEqual(
          [...world.disk].map(() => 0),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('has on disk what it has in memory, whatever it saw', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = lived(sequence);
        expect([...world.disk.values()].sort(byPlace)).toEqual(
          [...world.state.positions.values()].sort(byPlace),
        );
      }),
    );
  });

  it('assigns what the broker has: claims and the unassigned add up to all models of the account', () => {
    const owner = strategy('condor', { account: ACCOUNT, conIds: [1, 2, 3] });
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = lived(sequence);
        world.settle();
        const holdings = [...world.disk.values()].map(({ account, contract, quantity }) => ({
          account,
          conId: contract.conId,
          quantity,
        }));
        for (const { account, conId, claims, unassigned } of assign(holdings, [owner])) {
          const held = [...world.truth.values()]
            .filter((each) => each.account === account && each.contract.conId === conId)
            .map(({ quantity }) => quantity);
          expect(addDecimals(unassigned, ...claims.values())).toBe(addDecimals('0', ...held));
        }
      }),
    );
  });
});
