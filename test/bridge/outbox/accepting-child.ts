import { openOutbox } from '../../../bridge/outbox/outbox.ts';
import { drafts } from '../../support/drafts.ts';

/**
 * `node accepting-child.ts <outbox.db> <first conId>`: accepts without end and prints the conIds of what was accepted,
 * a line per call, after its promise resolved.
 */
const [path = '', first = '1'] = process.argv.slice(2);
const log = { info() {}, warn() {}, error() {} };
const outbox = await openOutbox({ path, bridge: 'home', log });

let next = Number(first);
for (let call = 1; ; call += 1) {
  const batches = Array.from({ length: 3 }, (_, index) => {
    const batch = drafts(1 + ((call * 7 + index) % 40), next);
    next += batch.length;
    return batch;
  });
  await Promise.all(
    batches.map(async (batch, index) => {
      const commit = { upserts: batch.map((row) => ({ ...row, missedSweeps: 0 })), removals: [] };
      if (index === 0) await outbox.commitPositions(commit, batch);
      else await outbox.append(batch);
      process.stdout.write(`${batch.map(({ contract }) => contract.conId).join(' ')}\n`);
    }),
  );
}
