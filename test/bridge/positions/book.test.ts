import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../../bridge/log.ts';
import { type DurableOutbox, openOutbox } from '../../../bridge/outbox/outbox.ts';
import { PositionBook } from '../../../bridge/positions/book.ts';
import type { PositionChange } from '../../../bridge/positions/differ.ts';
import { type Testimony, testimonyOf } from '../../../bridge/positions/testimony.ts';
import { applyImage, EMPTY_REPLICA } from '../../../shared/replica.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/log.ts';
import { strategy } from '../lines/strategies.ts';
import { SILENT } from '../scripted-gateway.ts';
import { ACCOUNT, OPTIONS, OTHER, row, START, sweep } from './rows.ts';

describe('the position book', () => {
  let directory: string;
  let outbox: DurableOutbox;
  let accounts: ReadonlySet<string>;
  let changed: PositionChange[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slotwise-book-'));
    accounts = new Set([ACCOUNT]);
    changed = [];
    witness.testimonies.clear();
    witness.asked.length = 0;
    outbox = await openOutbox({ path: join(directory, 'outbox.db'), bridge: 'home', log: SILENT });
  });

  afterEach(async () => {
    await outbox.close();
    await rm(directory, { recursive: true });
  });

  /** Its window shows what the test says; asked accounts are written down. */
  const witness = {
    testimonies: new Map<string, Testimony>(),
    asked: [] as string[],
    ask(inDoubt: ReadonlySet<string>) {
      if (inDoubt.size > 0) this.asked.push([...inDoubt].join());
    },
  };

  async function open(log: Log = SILENT): Promise<PositionBook> {
    const book = new PositionBook({
      outbox,
      log,
      replica: () => applyImage(EMPTY_REPLICA, strategy('condor', { conIds: [1] })),
      accounts: () => accounts,
      quoteOf: () => ({ quality: 'live', mark: { price: 2 } }),
      diff: OPTIONS,
      witness,
      onChange: (changes) => changed.push(...changes),
    });
    await book.start();
    return book;
  }

  const swept = (seconds: number, ...rows: Parameters<typeof sweep>[1]) => ({
    type: 'sweep' as const,
    ...sweep(seconds, rows),
  });
  const bodies = async () =>
    (await outbox.peek({ count: 10_000, maxBytes: 50_000_000 }))
      .map((pending) => JSON.parse(pending.body))
      .toReversed();

  it('counts a claim of the table as held nowhere, also after a restart, and closes it in the end', async () => {
    const book = await open();
    book.accept(swept(0, row(1)));
    const { at: _, ...claim } = row(9, '7');
    expect(await book.mend({ resend: new Map(), claims: [claim] })).toBe(true);
    const again = await open();
    for (const each of [book, again]) {
      expect(each.state.positions.size).toBe(2);
      expect(each.positions().map(({ contract }) => contract.conId)).toEqual([1]);
      expect(each.positionsOf(9)).toEqual([]);
      expect(each.status().positions).toBe(1);
    }
    again.accept(swept(30, row(1)));
    await eventually(() => again.state.doubts.size === 1);
    witness.testimonies.set(ACCOUNT, testimonyOf([row(1)], 31_000));
    again.accept(swept(60, row(1)));
    await eventually(() => changed.some(({ reason }) => reason === 'closed'));
    expect((await bodies()).at(-1)).toMatchObject({
      reason: 'closed',
      contract: { conId: 9 },
      quantity: '0',
    });
  });

  it('mends in its turn: after the sweep that waits, and nothing that it closes', async () => {
    const book = await open();
    book.accept(swept(0, row(1), row(2)));
    await eventually(() => changed.length === 2);
    const resend = new Map([...book.state.positions.keys()].map((key) => [key, '-3']));
    book.accept(swept(30, row(1), row(2)));
    book.accept(swept(60, row(1, '0'), row(2)));
    expect(await book.mend({ resend, claims: [] })).toBe(true);
    expect((await bodies()).map(({ contract: { conId }, reason }) => `${conId} ${reason}`)).toEqual([
      '1 opened',
      '2 opened',
      '1 closed',
      '2 keyframe',
    ]);
    await book.stop();
  });

  it('writes a sweep and its snapshots together, in order of acceptance', async () => {
    const book = await open();
    book.accept(swept(0, row(1), row(2)));
    await eventually(() => changed.length === 2);
    expect(await bodies()).toMatchObject([
      {
        seq: 1,
        reason: 'opened',
        contract: { conId: 1 },
        strategyIds: ['condor'],
        mark: { price: 2 },
        sweepId: 'sweep-0',
      },
      { seq: 2, reason: 'opened', contract: { conId: 2 }, strategyIds: [] },
    ]);
    expect((await outbox.committed()).positions.map((each) => each.contract.conId).sort()).toEqual([1, 2]);
    expect(book.status()).toMatchObject({ positions: 2, lastCommitMs: expect.any(Number) });
    expect(book.positionsOf(1)).toMatchObject([{ account: ACCOUNT, quantity: '-3' }]);
  });

  it('goes on after a restart from what was committed', async () => {
    const before = await open();
    before.accept(swept(0, row(1), row(2)));
    before.accept(swept(30, row(1), row(2)));
    await eventually(() => changed.length === 2);
    await before.stop();
    changed = [];
    const after = await open();
    expect(after.positions().map((each) => each.contract.conId)).toEqual([1, 2]);
    after.accept(swept(60, row(1)));
    await eventually(async () => (await outbox.committed()).lastSweep?.sweepId === 'sweep-60');
    after.accept(swept(90, row(1)));
    await eventually(() => witness.asked.length === 1);
    witness.testimonies.set(ACCOUNT, testimonyOf([row(1)], 91_000));
    after.accept(swept(120, row(1)));
    await eventually(() => changed.length === 1);
    expect(changed).toMatchObject([{ reason: 'closed', position: { contract: { conId: 2 } } }]);
    await after.stop();
  });

  it('asks for a second witness while an absence is in doubt, and says so until it is not', async () => {
    const log = recordingLog();
    const book = await open(log);
    const said = () =>
      log.entries.map(({ event, fields }) => `${event} ${fields.positions ?? ''} ${fields.cause ?? ''}`);
    book.accept(swept(0, row(1), row(2)));
    book.accept(swept(30, row(1)));
    await eventually(async () => (await outbox.committed()).lastSweep?.sweepId === 'sweep-30');
    expect(witness.asked).toEqual([]);
    expect(book.status().doubts).toEqual([]);
    book.accept(swept(60, row(1)));
    await eventually(() => witness.asked.length === 1);
    expect(witness.asked).toEqual([ACCOUNT]);
    expect(book.status().doubts).toMatchObject([{ account: ACCOUNT, positions: 1 }]);
    witness.testimonies.set(ACCOUNT, testimonyOf([row(1), row(2)], 61_000));
    book.accept(swept(90, row(1)));
    book.accept(swept(90, row(1)));
    await eventually(() => witness.asked.length >= 2);
    expect(book.positionsOf(2)).toHaveLength(1);
    witness.testimonies.set(ACCOUNT, testimonyOf([row(1)], 91_000));
    book.accept(swept(120, row(1)));
    await eventually(() => book.status().doubts.length === 0);
    expect(said()).toEqual([
      expect.stringMatching(/^positions-doubted 1 .*have not confirmed/),
      expect.stringMatching(/^positions-doubted 1 .*still show/),
      expect.stringMatching(/^positions-doubt-over/),
    ]);
    expect(JSON.stringify(log.entries)).not.toContain(ACCOUNT);
    expect(changed.at(-1)).toMatchObject({ reason: 'closed', position: { contract: { conId: 2 } } });
  });

  it('asks nobody about an account that went elsewhere, and keeps what it had', async () => {
    accounts = new Set([ACCOUNT, OTHER]);
    const book = await open();
    const theirs = row(1, '7', { account: OTHER });
    book.accept(swept(0, row(1), theirs));
    for (const seconds of [30, 60]) {
      book.accept(swept(seconds, row(1)));
      await eventually(async () => (await outbox.committed()).lastSweep?.sweepId === `sweep-${seconds}`);
    }
    await eventually(() => witness.asked.length === 1);
    expect(witness.asked).toEqual([OTHER]);
    accounts = new Set([ACCOUNT]);
    book.accept(swept(90, row(1)));
    await eventually(() => book.status().doubts.length === 0);
    expect(witness.asked).toEqual([OTHER]);
    expect((await outbox.committed()).positions).toHaveLength(2);
  });

  it('does not show a position as held once its closing is on its way to disk', async () => {
    const book = await open();
    book.accept(swept(0, row(1)));
    await eventually(() => changed.length === 1);
    book.accept({ type: 'push', row: row(1, '0', { at: START + 1000 }) });
    expect(book.positionsOf(1)).toEqual([]);
    await eventually(() => changed.length === 2);
    expect(changed[1]).toMatchObject({ reason: 'closed', observedAt: '2026-11-20T14:30:01.000Z' });
  });

  it('keeps the order of a sweep and the pushes around it', async () => {
    const book = await open();
    book.accept(swept(0, row(1), row(2)));
    book.accept(swept(30, row(1, '-2'), row(2)));
    book.accept({ type: 'push', row: row(1, '-1') });
    book.accept({ type: 'push', row: row(2, '0') });
    await eventually(() => book.positionsOf(1)[0]?.quantity === '-1' && book.positionsOf(2).length === 0);
    await eventually(async () => (await bodies()).some((body) => body.reason === 'closed'));
    const quantities = (await bodies())
      .filter((body) => body.contract.conId === 1)
      .map((body) => body.quantity);
    expect(quantities).toEqual(['-3', '-2', '-1']);
  });

  it('keeps its state when nothing was written, says so, and shows the difference again', async () => {
    const book = await open();
    book.accept(swept(0, row(1)));
    await eventually(() => changed.length === 1);
    await outbox.close();
    book.accept(swept(30, row(1), row(2)));
    await eventually(() => book.status().lastFault);
    expect(book.status().lastFault).toContain('positions were not written');
    expect(book.positions().map((each) => each.contract.conId)).toEqual([1]);
    expect(book.positionsOf(2)).toEqual([]);
    expect(changed).toHaveLength(1);
  });

  it('shows and records only accounts that this bridge holds', async () => {
    const book = await open();
    book.accept(swept(0, row(1), row(1, '7', { account: OTHER })));
    await eventually(() => changed.length === 1);
    expect(book.positionsOf(1)).toHaveLength(1);
    accounts = new Set([ACCOUNT, OTHER]);
    book.accept(swept(30, row(1), row(1, '7', { account: OTHER })));
    await eventually(() => changed.length === 2);
    expect(book.positionsOf(1)).toHaveLength(2);
    accounts = new Set([OTHER]);
    expect(book.positionsOf(1)).toMatchObject([{ account: OTHER }]);
  });

  it('has a sweep of 5,000 positions on disk', async () => {
    const book = await open();
    const rows = Array.from({ length: 5_000 }, (_, index) => row(index + 1));
    book.accept(swept(0, ...rows));
    await eventually(() => changed.length === 5_000);
    expect((await outbox.committed()).positions).toHaveLength(5_000);
  });
});
