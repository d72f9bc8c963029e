import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { readEpochs } from '../../../bridge/outbox/epochs.ts';
import { OutboxStore } from '../../../bridge/outbox/store.ts';
import { decodeMessage } from '../../../shared/message.ts';
import { testDirectory } from '../../support/directory.ts';

const CHILD = new URL('./accepting-child.ts', import.meta.url).pathname;
const ROUNDS = 4;

/** Runs the child until it has said `lines` lines, then kills it in the middle of the next calls. */
async function acceptAndKill(path: string, first: number, lines: number): Promise<number[]> {
  const child = spawn(process.execPath, [CHILD, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const accepted: number[] = [];
  let heard = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    accepted.push(...line.split(' ').map(Number));
    heard += 1;
    if (heard === lines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');
  return accepted;
}

describe('kill -9 while accepting', () => {
  it('loses nothing that was accepted, leaves no hole in the numbers and uses none twice', async () => {
    const path = join(testDirectory(), 'outbox.db');
    const accepted: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      accepted.push(...(await acceptAndKill(path, round * 1_000_000, 5 * round + 3)));
    }

    const store = new OutboxStore({ path, bridge: 'home' });
    const messages = store.peek({ count: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER }).map(({ body }) => {
      const decoded = decodeMessage(body);
      if (!decoded.ok || decoded.message.kind !== 'snapshot') throw new Error('not a snapshot');
      return decoded.message;
    });
    const committed = new Set(store.committed().positions.map(({ contract }) => contract.conId));
    const { epoch } = store.opening;
    store.close();

    const found = new Set(messages.map(({ contract }) => contract.conId));
    expect(accepted.filter((conId) => !found.has(conId))).toEqual([]);
    expect(messages.length).toBe(found.size);
    expect([...committed].filter((conId) => !found.has(conId))).toEqual([]);

    const epochs = readEpochs(path).filter((recorded) => recorded.epoch !== epoch);
    expect(epochs).toHaveLength(ROUNDS);
    for (const { epoch: killed, last } of epochs) {
      const numbers = messages.filter((message) => message.epoch === killed).map(({ seq }) => seq);
      expect(numbers.toSorted((left, right) => left - right)).toEqual(
        Array.from({ length: last }, (_, index) => index + 1),
      );
    }
  }, 60_000);
});
