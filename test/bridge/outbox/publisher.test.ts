import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import { Publisher, type PublisherOptions } from '../../../bridge/outbox/publisher.ts';
import { decodeMessage } from '../../../shared/message.ts';
import { testDirectory } from '../../support/directory.ts';
import { draft, drafts } from '../../support/drafts.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { CAN_MOUNT, smallDisk } from '../../support/small-disk.ts';
import { sqsClient, startFaultyWay, startQueue } from '../../support/sqs.ts';

/** Waits beside the snapshots of one day. */
const LEDGER = 1;

const BACKOFF = { firstMs: 5, maxMs: 20 } as const;

async function openTestOutbox(directory = testDirectory(), maxBytes?: number): Promise<DurableOutbox> {
  const path = join(directory, 'outbox.db');
  const bound = maxBytes === undefined ? {} : { maxBytes };
  const outbox = await openOutbox({ path, bridge: 'home', log: recordingLog(), ...bound });
  onTestFinished(() => outbox.close());
  return outbox;
}

function start(
  options: Pick<PublisherOptions, 'outbox' | 'client' | 'queueUrl'> & Partial<PublisherOptions>,
) {
  const log = recordingLog();
  const publisher = new Publisher({ log, backoff: BACKOFF, ...options });
  publisher.start();
  onTestFinished(() => publisher.stop());
  return { publisher, log };
}

const emptied = (outbox: DurableOutbox) =>
  eventually(async () => (await outbox.status()).depth === 0, { what: 'an empty outbox' });

const conIds = (bodies: readonly string[]) =>
  bodies.map((body) => JSON.parse(body).contract.conId as number).toSorted((left, right) => left - right);

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('the publisher', () => {
  it('sends what waits as it is and lets it go, and wakes for what comes later', async () => {
    const queue = await startQueue();
    const outbox = await openTestOutbox();
    await outbox.append(drafts(137));
    const before = (await outbox.peek({ count: 1000, maxBytes: 1e9 })).map(({ body }) => body);
    const { publisher } = start({ outbox, client: sqsClient(queue.endpoint), queueUrl: queue.url });
    await emptied(outbox);
    expect(queue.bodies().toSorted()).toEqual(before.toSorted());
    expect(queue.bodies().every((body) => decodeMessage(body).ok)).toBe(true);
    await outbox.append(drafts(1, 200));
    await emptied(outbox);
    expect(queue.bodies()).toHaveLength(138);
    expect(publisher.status()).toEqual({ sent: 138, refused: 0 });
  });

  it('keeps everything while the cloud is away and sends it when it is back', async () => {
    const gone = await startQueue();
    const { port } = gone.server;
    await gone.server.stop();
    const outbox = await openTestOutbox();
    await outbox.append(drafts(25));
    const { publisher, log } = start({ outbox, client: sqsClient(gone.endpoint), queueUrl: gone.url });
    await eventually(() => publisher.status().lastFault?.includes('ECONNREFUSED'));
    expect((await outbox.status()).depth).toBe(25);
    const back = await startQueue({ port });
    await emptied(outbox);
    expect(conIds(back.bodies())).toEqual(upTo(25));
    expect(publisher.status()).toEqual({ sent: 25, refused: 0 });
    const events = log.entries.map(({ event }) => event);
    expect(events.filter((event) => event === 'publisher-recovered')).toHaveLength(1);
  });

  it('sends the newest first, and what comes while a backlog drains with the next batch', async () => {
    const queue = await startQueue();
    const held: (() => void)[] = [];
    const seen: number[][] = [];
    const way = await startFaultyWay(queue.endpoint, async ({ body, forward, answer }) => {
      const { Entries } = JSON.parse(body) as { Entries: { MessageBody: string }[] };
      seen.push(conIds(Entries.map(({ MessageBody }) => MessageBody)));
      if (seen.length <= 4) await new Promise<void>((resolve) => held.push(resolve));
      const { status, body: said } = await forward();
      answer(status, said);
    });
    const outbox = await openTestOutbox();
    await outbox.append(drafts(400));
    start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await eventually(() => held.length === 4);
    expect(seen.flat().toSorted((left, right) => left - right)).toEqual(upTo(400).slice(-40));
    await outbox.append(drafts(1, 999));
    held[0]?.();
    await eventually(() => seen.length > 4);
    expect(seen[4]).toContain(999);
    for (const release of held) release();
    await emptied(outbox);
    expect(conIds(queue.bodies())).toEqual([...upTo(400), 999]);
  });

  it.skipIf(!CAN_MOUNT)(
    'stops sending while the disk takes no acknowledgement, and lets go later',
    async () => {
      const queue = await startQueue();
      const disk = smallDisk(8 * 1024 * 1024);
      const outbox = await openTestOutbox(disk.directory);
      await outbox.append(drafts(1500));
      await outbox.close();
      disk.fill();
      const again = await openTestOutbox(disk.directory);
      const { publisher } = start({ outbox: again, client: sqsClient(queue.endpoint), queueUrl: queue.url });
      await eventually(() => publisher.status().lastFault?.includes('disk is full'));
      await eventually(() => queue.bodies().length >= 1000);
      const { notWritten } = await again.status();
      await eventually(async () => (await again.status()).notWritten > notWritten + 30);
      // What was under way when the bound was reached is sent too.
      expect(queue.bodies().length).toBeLessThanOrEqual(1100);
      expect(await again.status()).toMatchObject({ depth: 1500 });
      disk.free();
      await emptied(again);
      expect(conIds(queue.bodies())).toEqual(upTo(1500));
      await eventually(() => publisher.status().lastFault === undefined);
    },
  );

  it('tries a single entry that failed again, and meanwhile sends the others', async () => {
    const queue = await startQueue();
    let failuresLeft = 4;
    const way = await startFaultyWay(queue.endpoint, async ({ body, forward, answer }) => {
      const asked = JSON.parse(body) as { Entries: { Id: string; MessageBody: string }[] };
      const isBad = (entry: { MessageBody: string }) =>
        entry.MessageBody.includes('"conId":7,') && failuresLeft > 0;
      const bad = asked.Entries.filter(isBad);
      if (bad.length > 0) failuresLeft -= 1;
      const Entries = asked.Entries.filter((entry) => !bad.includes(entry));
      const Failed = bad.map(({ Id }) => ({
        Id,
        SenderFault: false,
        Code: 'InternalError',
        Message: 'try later',
      }));
      if (Entries.length === 0) return answer(200, JSON.stringify({ Failed }));
      const { status, body: said } = await forward(JSON.stringify({ ...asked, Entries }));
      answer(status, JSON.stringify({ ...JSON.parse(said), Failed }));
    });
    const outbox = await openTestOutbox();
    await outbox.append(drafts(40));
    const { publisher } = start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await emptied(outbox);
    expect(failuresLeft).toBe(0);
    expect(conIds(queue.bodies())).toEqual(upTo(40));
    await eventually(() => publisher.status().lastFault === undefined);
    expect(publisher.status()).toEqual({ sent: 40, refused: 0 });
  });

  it('forgets an entry that fails for as long as it waits, once the bound has given it up', async () => {
    const queue = await startQueue();
    const way = await startFaultyWay(queue.endpoint, async ({ body, forward, answer }) => {
      const { Entries } = JSON.parse(body) as { Entries: { Id: string; MessageBody: string }[] };
      const bad = Entries.filter(({ MessageBody }) => MessageBody.includes(':1"'));
      if (bad.length === 0) {
        const { status, body: said } = await forward();
        return answer(status, said);
      }
      const Failed = Entries.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError' }));
      answer(200, JSON.stringify({ Failed }));
    });
    const outbox = await openTestOutbox(testDirectory(), 1500);
    await outbox.append(drafts(1));
    const { publisher } = start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await eventually(() => publisher.status().lastFault !== undefined);
    for (let round = 0; round < 5; round += 1) await outbox.append(drafts(1));
    await emptied(outbox);
    await eventually(async () => {
      await outbox.append(drafts(1));
      return publisher.status().lastFault === undefined;
    });
    const kinds = queue.bodies().map((body) => JSON.parse(body) as { kind: string; first?: number });
    expect(kinds.filter(({ kind }) => kind === 'drop')[0]).toMatchObject({ first: 1 });
  });

  it('sends again what was not answered: twice is harmless, never is not', async () => {
    const queue = await startQueue();
    let lost = 0;
    const way = await startFaultyWay(queue.endpoint, async ({ forward, answer, hangUp }) => {
      const { status, body } = await forward();
      if (lost < 3) {
        lost += 1;
        hangUp();
      } else {
        answer(status, body);
      }
    });
    const outbox = await openTestOutbox();
    await outbox.append(drafts(30));
    start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await emptied(outbox);
    expect(lost).toBe(3);
    const bodies = queue.bodies();
    expect(bodies.length).toBeGreaterThan(30);
    expect(conIds([...new Set(bodies)])).toEqual(upTo(30));
  });

  it('declares a message dropped that the queue will never take, and goes on with the rest', async () => {
    const queue = await startQueue({ attributes: { MaximumMessageSize: '2048' } });
    const outbox = await openTestOutbox();
    const strategyIds = Array.from({ length: 60 }, (_, index) => `a-strategy-with-a-long-name-${index}`);
    await outbox.append([...drafts(12), draft({ strategyIds }), ...drafts(12, 13)]);
    const { publisher, log } = start({ outbox, client: sqsClient(queue.endpoint), queueUrl: queue.url });
    await emptied(outbox);
    const messages = queue.bodies().map((body) => JSON.parse(body));
    expect(messages.filter(({ kind }) => kind === 'snapshot')).toHaveLength(24);
    expect(messages.filter(({ kind }) => kind === 'drop')).toMatchObject([
      { epoch: outbox.epoch, first: 13, last: 13, reason: expect.stringContaining('SQS refused it') },
    ]);
    expect(publisher.status()).toMatchObject({ sent: 25, refused: 1 });
    expect(log.entries.map(({ event }) => event)).toContain('message-refused');
  });

  it('finds the one message that makes SQS refuse a whole batch', async () => {
    const queue = await startQueue();
    const way = await startFaultyWay(queue.endpoint, async ({ body, forward, answer }) => {
      if (!body.includes('\\"conId\\":5,')) {
        const { status, body: said } = await forward();
        return answer(status, said);
      }
      answer(400, JSON.stringify({ __type: 'com.amazonaws.sqs#BatchRequestTooLong', message: 'too long' }));
    });
    const outbox = await openTestOutbox();
    await outbox.append(drafts(10));
    const { publisher } = start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await emptied(outbox);
    expect(publisher.status()).toMatchObject({ refused: 1 });
    const messages = queue.bodies().map((body) => JSON.parse(body));
    expect(messages.filter(({ kind }) => kind === 'snapshot')).toHaveLength(9);
    expect(messages.filter(({ kind }) => kind === 'drop')).toMatchObject([{ first: 5, last: 5 }]);
  });

  it('refuses no message because the queue does not exist', async () => {
    const queue = await startQueue();
    const outbox = await openTestOutbox();
    await outbox.append(drafts(3));
    const queueUrl = queue.url.replace(/[^/]+$/, 'elsewhere');
    const { publisher } = start({ outbox, client: sqsClient(queue.endpoint), queueUrl });
    const fault = await eventually(() => publisher.status().lastFault);
    expect(fault).toContain('does the outputs file belong to this deployment');
    expect(await outbox.status()).toMatchObject({ depth: 3 });
    expect(publisher.status().refused).toBe(0);
  });

  it('flushes within its deadline, and says what is left when the cloud is away', async () => {
    const queue = await startQueue();
    const outbox = await openTestOutbox();
    const { publisher } = start({ outbox, client: sqsClient(queue.endpoint), queueUrl: queue.url });
    await outbox.append(drafts(95));
    expect(await publisher.flush(AbortSignal.timeout(10_000))).toEqual({ remaining: 0 });
    const ledgers = queue.bodies().flatMap((body) => {
      const decoded = decodeMessage(body);
      return decoded.ok && decoded.message.kind === 'ledger' ? [decoded.message] : [];
    });
    expect(ledgers.at(-1)).toMatchObject({ first: 1, last: 95, count: 95, acknowledged: 95 });
    await queue.server.stop();
    await outbox.append(drafts(7));
    expect(await publisher.flush(AbortSignal.timeout(100))).toEqual({ remaining: 7 + LEDGER });
    await publisher.stop();
    expect(await outbox.status()).toMatchObject({ depth: 7 + LEDGER });
  });

  it('stops at once while SQS does not answer', async () => {
    const queue = await startQueue();
    const asked = Promise.withResolvers<void>();
    const way = await startFaultyWay(queue.endpoint, async () => asked.resolve());
    const outbox = await openTestOutbox();
    await outbox.append(drafts(3));
    const { publisher } = start({ outbox, client: sqsClient(way), queueUrl: queue.url });
    await asked.promise;
    await publisher.stop();
    expect(await outbox.status()).toMatchObject({ depth: 3 });
  });
});
