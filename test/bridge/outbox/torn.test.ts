import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OutboxFault } from '../../../bridge/outbox/fault.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { createRandom } from '../../../local/gateway/random.ts';
import { encodeMessage } from '../../../shared/message.ts';
import { testDirectory } from '../../support/directory.ts';
import { drafts } from '../../support/drafts.ts';
import { heartbeat } from '../../support/messages.ts';

const SEED = randomInt(1_000_000);
const EVERYTHING = { count: 100_000, maxBytes: Number.MAX_SAFE_INTEGER } as const;
const ROUNDS = 25;

/** An outbox with something in every table, as a clean end or a kill leaves it. */
function someOutbox(directory: string): { path: string; epoch: string } {
  const path = join(directory, 'outbox.db');
  const store = new OutboxStore({ path, bridge: 'home', maxBytes: 40_000 });
  for (let round = 0; round < 4; round += 1) {
    const rows = drafts(20);
    store.commitPositions({ upserts: rows.map((row) => ({ ...row, missedSweeps: 0 })), removals: [] }, rows);
  }
  store.putHeartbeat(encodeMessage(heartbeat()));
  const [first] = store.peek(EVERYTHING).filter(({ message }) => message === 'snapshot');
  store.refuse(first?.key ?? 0, 'too large');
  store.close();
  return { path, epoch: store.opening.epoch };
}

/** Everything that an outbox is for, once. */
function exercise(store: OutboxStore): void {
  store.committed();
  const rows = drafts(5);
  store.commitPositions({ upserts: rows.map((row) => ({ ...row, missedSweeps: 0 })), removals: [] }, rows);
  for (let round = 0; round < 3; round += 1) store.append(drafts(20));
  store.putHeartbeat(encodeMessage(heartbeat()));
  store.putLedgers();
  const waiting = store.peek(EVERYTHING);
  const snapshot = waiting.findLast(({ message }) => message === 'snapshot');
  store.refuse(snapshot?.key ?? 0, 'too large');
  store.acknowledge(waiting.map(({ key }) => key));
  store.status();
}

/** A start of the bridge: it works, or it ends with a fault. @returns whether it worked */
function start(path: string): boolean {
  let store: OutboxStore | undefined;
  try {
    store = new OutboxStore({ path, bridge: 'home', maxBytes: 40_000 });
    exercise(store);
    return true;
  } catch (cause) {
    expect(cause).toBeInstanceOf(OutboxFault);
    expect(['fatal', 'unusable']).toContain((cause as OutboxFault).disposition);
    return false;
  } finally {
    store?.close();
  }
}

const DAMAGES = ['cut off', 'bytes flipped', 'page overwritten', 'page of its own elsewhere'] as const;

describe(`a damaged file (seed ${SEED})`, () => {
  it('never keeps the bridge from starting for longer than one start, and is never deleted', () => {
    const random = createRandom(SEED);
    const pristine = someOutbox(testDirectory());
    const original = readFileSync(pristine.path);
    const marker = readFileSync(`${pristine.path}.marker`);
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const path = join(testDirectory(), 'outbox.db');
      const bytes = Buffer.from(original);
      const damage = random.pick(DAMAGES);
      const page = random.below(bytes.length / 4096) * 4096;
      if (damage === 'bytes flipped') {
        for (let flip = 0; flip < 1 + random.below(20); flip += 1) {
          bytes[page + random.below(4096)] = random.below(256);
        }
      } else if (damage === 'page overwritten') bytes.fill(random.below(256), page, page + 4096);
      else if (damage === 'page of its own elsewhere') {
        bytes.copy(bytes, page, random.below(bytes.length / 4096) * 4096, undefined);
      }
      const end = damage === 'cut off' ? random.below(bytes.length) : bytes.length;
      writeFileSync(path, bytes.subarray(0, end));
      writeFileSync(`${path}.marker`, marker);

      const starts = [start(path), start(path), start(path)];
      const what = `round ${round}: ${damage} at ${damage === 'cut off' ? end : page}`;
      const aside = readdirSync(join(path, '..')).filter((name) => /\.corrupt-\d+$/.test(name));
      if (aside.length > 0) seen.add('quarantined');
      else if (starts[0] === true) seen.add('not noticed');
      // An outbox of another bridge, or of a newer version, as far as anybody can tell: it says so and waits for a person.
      if (!starts[2]) {
        expect([what, unusable(path)]).toEqual([what, true]);
        continue;
      }
      expect([what, starts[1], starts[2]]).toEqual([what, true, true]);
      expect([what, aside.length]).toEqual([what, starts[0] && aside.length === 0 ? 0 : 1]);
    }
    expect(seen).toContain('quarantined');
  });
});

describe('torn files that are kept', () => {
  it('are counted, and when there are eight of them the outbox waits until they are moved elsewhere', () => {
    const directory = testDirectory();
    const path = join(directory, 'outbox.db');
    for (let torn = 1; torn <= 8; torn += 1) {
      const now = () => new Date(1_795_250_000_000 + torn);
      writeFileSync(path, 'no database '.repeat(1000));
      const store = new OutboxStore({ path, bridge: 'home', now });
      expect(store.opening).toMatchObject({ cause: 'quarantined', quarantined: torn });
      expect(store.status().quarantined).toBe(torn);
      store.close();
    }
    writeFileSync(path, 'no database '.repeat(1000));
    expect(() => new OutboxStore({ path, bridge: 'home' })).toThrow(
      expect.objectContaining({ disposition: 'retry', message: expect.stringContaining('check the disk') }),
    );
    renameSync(`${path}.corrupt-1795250000001`, join(directory, 'looked-into'));
    const store = new OutboxStore({ path, bridge: 'home' });
    expect(store.opening).toMatchObject({ cause: 'quarantined', quarantined: 8 });
    store.close();
  });
});

function unusable(path: string): boolean {
  try {
    new OutboxStore({ path, bridge: 'home' }).close();
    return false;
  } catch (cause) {
    return cause instanceof OutboxFault && cause.disposition === 'unusable';
  }
}
