import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../../bridge/settings-environment.ts';
import { relationFaults, settingsSchema } from '../../../bridge/settings-schema.ts';
import { settingsOf } from '../../../infra/settings.ts';
import {
  environmentOf,
  type PeriodKey,
  REAL,
  relationsOf,
  type Timing,
  WEEK,
  type World,
} from '../../../local/week/profile.ts';

const broken = (timing: Timing): string[] =>
  relationsOf(timing)
    .filter(({ holds }) => !holds)
    .map(({ text }) => text);
const periods = (change: Partial<Record<PeriodKey, number>>): Timing => ({
  ...WEEK,
  periods: { ...WEEK.periods, ...change },
});
const world = (change: Partial<World>): Timing => ({ ...WEEK, world: { ...WEEK.world, ...change } });

describe('the compressed periods', () => {
  it.each([
    ['of the defaults in the real world', REAL],
    ['of the week', WEEK],
  ])('keep every relation %s', (_, timing) => {
    expect(broken(timing)).toEqual([]);
  });

  it('stand in the same order as the defaults', () => {
    const ms = (timing: Timing, key: PeriodKey) => timing.periods[key] * (key.endsWith('Ms') ? 1 : 1000);
    const keys = Object.keys(REAL.periods) as PeriodKey[];
    for (const one of keys) {
      for (const other of keys) {
        const order = Math.sign(ms(REAL, one) - ms(REAL, other));
        expect(Math.sign(ms(WEEK, one) - ms(WEEK, other)), `${one} and ${other}`).toBe(order);
      }
    }
  });

  it('are all shorter than the defaults', () => {
    for (const key of Object.keys(REAL.periods) as PeriodKey[]) {
      expect(WEEK.periods[key], key).toBeLessThan(REAL.periods[key]);
    }
  });

  it('are settings that the bridge takes', () => {
    const { values, faults } = readEnvironment(environmentOf(WEEK));
    expect(faults).toEqual([]);
    const settings = settingsSchema.parse({ bridge: 'home', stateDir: '.', ...values });
    expect(settings.sweep.periodMs).toBe(WEEK.periods['sweep.periodMs']);
    expect(settings.gateway.heartbeatDeadlineMs).toBe(WEEK.periods['gateway.heartbeatDeadlineMs']);
    expect(relationFaults(settings)).toEqual([]);
  });

  it('are settings that the stacks take', () => {
    expect(settingsOf({ bridges: ['home'], overrides: { drain: WEEK.drain } }).drain).toMatchObject(
      WEEK.drain,
    );
  });
});

describe('a relation between periods', () => {
  it.each<readonly [string, Timing]>([
    ['a heartbeat has as long', periods({ 'gateway.heartbeatDeadlineMs': 1300 })],
    ['a sweep gives up', periods({ 'sweep.deadlineMs': 2500 })],
    ['a dead session is known', periods({ 'gateway.heartbeatPeriodMs': 4000 })],
    ['silence outlasts the heartbeat', world({ silenceMs: 2700 })],
    ['three heartbeats fit into a lease', periods({ 'heartbeat.periodMs': 80_000 })],
    ['keyframes are rarer', periods({ 'keyframe.periodMs': 25_000 })],
    ['a difference in the table outlasts', periods({ 'reconcile.drainPeriodMs': 5999 })],
    ['a polled instrument is asked for', world({ snapshotMs: 4000 })],
    ['a nightly restart is over', world({ downMs: 800 })],
    ['the old client id outlasts', world({ lingerMs: 800 })],
    ['a gateway that is loading shows three', world({ loadingMs: 9600 })],
    ['the vanish guard outlasts', world({ loadingMs: 20_000 })],
    ['a login that is waited for', world({ loginMs: 5000 })],
    ['a gap is scanned for', periods({ 'feed.gapMaxMs': 2500 })],
    ['a batch in work', { ...WEEK, drain: { ...WEEK.drain, visibilityTimeoutS: 30 } }],
    ['stores that are away', world({ outageMs: 124_000 })],
    ['an outage lasts for several', world({ outageMs: 7999 })],
  ])('is missed where it does not hold: %s', (text, timing) => {
    expect(broken(timing)).toContainEqual(expect.stringMatching(`^${text}`));
  });

  it('is tried in the table above', () => {
    expect(relationsOf(WEEK)).toHaveLength(17);
  });
});
