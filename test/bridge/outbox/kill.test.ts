import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { readEpochs } from '../../../bridge/outbox/epochs.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { createRandom } from '../../../local/gateway/random.ts';
import { decodeMessage, type Message } from '../../../shared/message.ts';
import { testDirectory } from '../../support/directory.ts';

const CHILD = new URL('./accepting-child.ts', import.meta.url).pathname;
const ROUNDS = 6;
const SEED = randomInt(1_000_000);

/** Room for a hundred snapshots, so that most commits give something up. */
const MAX_BYTES = 100_000;

const LINES_MAX = 60;

/** Starts the child and kills it with its line number `lines`, in the middle of what it does then. */
async function runAndKill(path: string, seed: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, path, String(seed), String(MAX_BYTES)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    heard.push(line);
    if (heard.length === lines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');
  return heard;
}

function decode(body: string): Message {
  const decoded = decodeMessage(body);
  if (!decoded.ok) throw new Error(decoded.fault);
  return decoded.message;
}

const idsOf = (messages: readonly Message[]) =>
  messages.flatMap((message) => (message.kind === 'snapshot' ? [`${message.epoch}:${message.seq}`] : []));

const declaredOf = (messages: readonly Message[]) =>
  messages.flatMap((message) => {
    if (message.kind !== 'drop') return [];
    const { epoch, first, last } = message;
    return Array.from({ length: last - first + 1 }, (_, index) => `${epoch}:${first + index}`);
  });

describe(`kill -9 while it opens, accepts, gives up and lets go (seed ${SEED})`, () => {
  it('loses nothing that was accepted, leaves no hole that is not declared and uses no number twice', async () => {
    const path = join(testDirectory(), 'outbox.db');
    const random = createRandom(SEED);
    const heard: string[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      // The first line is said before the file is opened.
      const lines = round === 3 ? 1 : 1 + random.below(LINES_MAX);
      heard.push(...(await runAndKill(path, SEED + round, lines)));
    }
    const accepted = heard
      .filter((line) => line.startsWith('accepted '))
      .map((line) => line.split(' ').slice(1));
    const taken = heard.filter((line) => line.startsWith('taking ')).map((line) => decode(line.slice(7)));

    const store = new OutboxStore({ path, bridge: 'home' });
    const left = store
      .peek({ count: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER })
      .map(({ body }) => decode(body));
    store.close();
    const waiting = idsOf(left);
    // What was about to be let go may have been given up or refused just before.
    const declared = new Set(declaredOf([...left, ...taken]));
    const somewhere = new Set([...waiting, ...declared, ...idsOf(taken)]);

    expect(declared.size).toBeGreaterThan(0);
    expect(new Set(waiting).size).toBe(waiting.length);
    expect(waiting.filter((id) => declared.has(id))).toEqual([]);
    const epochs = new Map(readEpochs(path).map(({ epoch, last }) => [epoch, last]));
    const lost = [...epochs].flatMap(([epoch, last]) =>
      Array.from({ length: last }, (_, index) => `${epoch}:${index + 1}`).filter((id) => !somewhere.has(id)),
    );
    expect(lost).toEqual([]);
    for (const [epoch = '', given] of accepted) {
      expect(epochs.get(epoch)).toBeGreaterThanOrEqual(Number(given));
    }
    const kept = new Set(
      [...left, ...taken].flatMap((message) => (message.kind === 'snapshot' ? [message.contract.conId] : [])),
    );
    const closes = accepted.flatMap(([, , ...conIds]) => conIds.filter((conId) => conId !== '').map(Number));
    expect(closes.filter((conId) => !kept.has(conId))).toEqual([]);
  }, 60_000);
});
