import type { SnapshotDraft } from '../../../bridge/outbox/draft.ts';
import { OutboxFault } from '../../../bridge/outbox/fault.ts';
import { openOutbox } from '../../../bridge/outbox/outbox.ts';
import { createRandom } from '../../../local/gateway/random.ts';
import { encodeMessage } from '../../../shared/message.ts';
import { draft } from '../../support/drafts.ts';
import { heartbeat } from '../../support/messages.ts';

/**
 * `node accepting-child.ts <outbox.db> <seed> <maxBytes>`: does everything that an outbox is for, without end, and says
 * a line per call. Before: `opening`, `taking <body>` of each message that is about to be let go. After its promise
 * resolved: `accepted <epoch> <numbers given so far> <closed conIds>`,
 * the count 0 where it is not known any more.
 */
const [path = '', seed = '1', maxBytes = '1'] = process.argv.slice(2);
const random = createRandom(Number(seed));
const say = (line: string) => process.stdout.write(`${line}\n`);
const log = { info() {}, warn() {}, error() {} };

say('opening');
const outbox = await openOutbox({ path, bridge: 'home', maxBytes: Number(maxBytes), log });
let produced = 0;
let isCounted = true;
let nextClosed = 1_000_000 * Number(seed);

function row(): SnapshotDraft {
  const { contract } = draft();
  const at = random.below(10);
  if (at === 0) {
    nextClosed += 1;
    const closed = { ...contract, conId: nextClosed };
    return draft({ contract: closed, lane: 'poll', priority: 2, reason: 'closed', quantity: '0' });
  }
  const lane = at < 6 ? ({ lane: 'poll', priority: 2 } as const) : ({ lane: 'stream', priority: 1 } as const);
  return draft({ contract: { ...contract, conId: 1 + random.below(8) }, ...lane });
}

async function accept(): Promise<void> {
  const rows = Array.from({ length: 1 + random.below(30) }, row);
  produced += rows.length;
  const upserts = rows.map((position) => ({ ...position, missedSweeps: 0 }));
  const given = produced;
  try {
    if (random.below(2) === 0) await outbox.commitPositions({ upserts, removals: [] }, rows);
    else await outbox.append(rows);
  } catch (cause) {
    if (!(cause instanceof OutboxFault) || cause.disposition !== 'retry') throw cause;
    // Full of closes. Calls behind it get lower numbers than they were counted for.
    isCounted = false;
    return;
  }
  const closes = rows.filter(({ reason }) => reason === 'closed').map(({ contract }) => contract.conId);
  say(`accepted ${outbox.epoch} ${isCounted ? given : 0} ${closes.join(' ')}`);
}

async function take(): Promise<void> {
  const taken = await outbox.peek({ count: 1 + random.below(40), maxBytes: 1_000_000 });
  for (const { body } of taken) say(`taking ${body}`);
  await outbox.acknowledge(taken.map(({ key }) => key));
}

async function refuse(): Promise<void> {
  const [first] = await outbox.peek({ count: 1, maxBytes: 1_000_000 });
  if (first?.message === 'snapshot') await outbox.refuse(first.key, 'too large');
}

for (;;) {
  const at = random.below(12);
  if (at < 7) await Promise.all([accept(), accept()]);
  else if (at < 9) await Promise.all([accept(), take()]);
  else if (at < 10) await outbox.putHeartbeat(encodeMessage(heartbeat()));
  else if (at < 11) await outbox.putLedgers();
  else await refuse();
}
