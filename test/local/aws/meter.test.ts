import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Call } from '../../../local/aws/access.ts';
import { componentOf, Meter } from '../../../local/aws/meter.ts';
import { parseUsage } from '../../../shared/usage.ts';
import { STANDING } from '../../cli/cost/usages.ts';
import { eventually } from '../../support/eventually.ts';
import { snapshot } from '../../support/snapshots.ts';
import { temporaryDirectory } from './support/temporary.ts';

const MINUTE_MS = 60_000;
const RESPONSE = { status: 200, headers: {}, body: Buffer.from('{}') };
const CALL: Call = { service: 'sqs', operation: 'SendMessage', principal: 'bridge-home', accesses: [] };

let dir: ReturnType<typeof temporaryDirectory>;
let nowMs: number;
beforeEach(() => {
  dir = temporaryDirectory();
  nowMs = 5000;
});
afterEach(() => dir[Symbol.dispose]());

const file = () => join(dir.path, 'usage.json');
const newMeter = () => new Meter({ file: file(), standing: STANDING, now: () => nowMs });

function send(meter: Meter, message: object, call: Call = CALL): void {
  const body = Buffer.from(JSON.stringify({ MessageBody: JSON.stringify(message) }));
  meter.call(call, { method: 'POST', url: '/', headers: {}, body }, RESPONSE);
}

const opened = (seq: number) => snapshot({ seq, reason: 'opened', sweepId: 'first' });
const keyframe = (seq: number) => snapshot({ seq, reason: 'keyframe', sweepId: 'second' });
const streamed = (seq: number) => ({
  ...snapshot({ seq }),
  lane: 'stream',
  reason: 'changed',
  sweepId: undefined,
});

/** Three positions opened, the first flush of the recorder after a minute, and what follows it. */
function startUp(meter: Meter): void {
  for (const seq of [1, 2, 3]) send(meter, opened(seq));
  nowMs += MINUTE_MS;
  send(meter, streamed(4));
  nowMs += 2000;
}

describe('the meter of a run', () => {
  it('tells what comes once from what goes on, and counts that in whole minutes', () => {
    const meter = newMeter();
    startUp(meter);
    for (let minute = 0; minute < 3; minute += 1) {
      send(meter, streamed(10 + minute));
      nowMs += MINUTE_MS;
    }
    send(meter, streamed(20));
    nowMs += MINUTE_MS / 2;
    const { contracts, phases } = meter.usage();
    expect(contracts).toBe(3);
    expect(phases.startup).toMatchObject({ durationMs: MINUTE_MS + 1000, times: 1 });
    expect(phases.startup.messages).toEqual({ 'snapshot poll opened': 3, 'snapshot stream changed': 1 });
    expect(phases.steady).toMatchObject({ durationMs: 3 * MINUTE_MS });
    // The one of the minute that is not over is not in there yet.
    expect(phases.steady.messages).toEqual({ 'snapshot stream changed': 4 - 1 });
  });

  it('counts a keyframe apart, however many messages it has, and a second one as another', () => {
    const meter = newMeter();
    startUp(meter);
    nowMs += MINUTE_MS;
    for (const sweepId of ['second', 'third']) {
      for (const seq of [5, 6, 7]) send(meter, { ...keyframe(seq), sweepId });
      nowMs += 5 * MINUTE_MS;
    }
    const { phases } = meter.usage();
    expect(phases.keyframe).toMatchObject({ times: 2, durationMs: 2 * 20_000 });
    expect(phases.keyframe.messages).toEqual({ 'snapshot poll keyframe': 6 });
    expect(phases.steady.messages).toEqual({});
  });

  it('ends the startup by itself where nothing is opened and nothing streams', () => {
    const meter = newMeter();
    nowMs += 10 * MINUTE_MS;
    expect(meter.usage().phases.startup.durationMs).toBe(75_000);
    expect(meter.usage().phases.steady.durationMs).toBe(8 * MINUTE_MS);
  });

  it('leaves out what the run does for itself, and what comes after the end', () => {
    const meter = newMeter();
    send(meter, opened(1), { ...CALL, principal: 'local-run' });
    expect(meter.usage().phases.startup.calls).toEqual([]);
    send(meter, opened(1));
    meter.stop();
    nowMs += 10 * MINUTE_MS;
    send(meter, opened(2));
    expect(meter.usage().phases.startup.messages).toEqual({ 'snapshot poll opened': 1 });
    expect(meter.usage().phases.steady.durationMs).toBe(0);
  });

  it('goes on with the sums of an earlier run, its time included', () => {
    const first = newMeter();
    startUp(first);
    nowMs += 2 * MINUTE_MS;
    first.stop();
    const kept = parseUsage(readFileSync(file(), 'utf8'));
    const second = newMeter();
    startUp(second);
    nowMs += 2 * MINUTE_MS;
    const { phases, startedAt } = second.usage();
    expect(startedAt).toBe(kept.startedAt);
    expect(phases.startup.times).toBe(2);
    expect(phases.startup.messages).toEqual({ 'snapshot poll opened': 6, 'snapshot stream changed': 2 });
    expect(phases.steady.durationMs).toBe(2 * kept.phases.steady.durationMs);
  });

  it('has on disk what a kill may leave, but for the last second', async () => {
    const meter = newMeter();
    meter.start();
    send(meter, opened(1));
    const onDisk = () => parseUsage(readFileSync(file(), 'utf8')).phases.startup.messages;
    await eventually(() => onDisk()['snapshot poll opened'] === 1, { what: 'the message on disk' });
    meter.stop();
  });

  it('keeps no more kinds of calls than its bound, and loses no count by it', () => {
    const meter = newMeter();
    const calls = 1000;
    for (let index = 0; index < calls; index += 1) {
      const accesses = [{ action: 'sqs:SendMessage', resource: `arn:aws:sqs:us-east-1:0:q${index}` }];
      send(meter, {}, { ...CALL, accesses });
    }
    const counted = meter.usage().phases.startup.calls;
    expect(counted.length).toBeLessThanOrEqual(501);
    expect(counted.reduce((sum, { calls: each }) => sum + each, 0)).toBe(calls);
  });
});

describe('the component of a caller', () => {
  it('is the function that a role belongs to, and otherwise the caller', () => {
    expect(componentOf('SlotwiseIngest-DeadLetterRole0A1B2C3D')).toBe('dead-letter');
    expect(componentOf('bridge-home')).toBe('bridge-home');
  });
});
