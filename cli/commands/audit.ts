import { Command, Option } from 'commander';
import type { Trail } from '../audit/trail.ts';
import type { Cloud } from '../cloud.ts';
import { parseConId } from '../con-id.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withDay, withJson, withTarget } from '../options.ts';
import { print, printJson } from '../output/print.ts';
import type { Target, TargetOptions } from '../target.ts';
import type { TradingDate } from '../trading-date.ts';

interface AuditOptions extends TargetOptions {
  readonly failed?: boolean;
  readonly conId?: number;
  readonly day?: TradingDate;
  readonly json?: boolean;
}

/** `slotwise audit`: what became of a snapshot, of a contract's snapshots, or what fails. */
export function auditCommand(): Command {
  return withJson(withDay(withTarget(new Command('audit'))))
    .argument('[id]', 'a snapshot id, or sqs:<message id>')
    .addOption(new Option('--failed', 'what is failing or has failed, newest first'))
    .addOption(new Option('--con-id <n>', 'all about one contract').argParser(parseConId))
    .description('say what became of snapshots: status, attempts, causes, and where the row is')
    .addHelpText('after', HELP)
    .action(audit);
}

const HELP = `
SUCCESS   stored; the object holds the row
RETRYING  an attempt failed, the queue delivers it again
FAILED    dead-lettered; the object holds the raw body (slotwise dlq)
QUEUED    the queue has taken it, no attempt is known: derived from the bridge's ledger
WAITING   still in the bridge's outbox, as far as its ledger says
DROPPED   the bridge gave it up and declared so

The audit keeps each item for 30 days; what is older is answered from the lake. --day of --failed goes by the last
change, of --con-id by the time of observation of stored rows.

Examples:
  $ slotwise audit home:1785300000000-k3x9qa:17
  $ slotwise audit --failed --day 2026-11-20
  $ slotwise audit --con-id 728937835 --json`;

async function audit(id: string | undefined, options: AuditOptions): Promise<void> {
  const target = targetOf(options);
  const isMany = options.failed === true || options.conId !== undefined;
  if ((id === undefined) !== isMany) {
    throw new CommandFailure(EXIT.usage, 'give one snapshot id, or --failed, or --con-id <n>');
  }
  if (id !== undefined && options.day !== undefined) {
    throw new CommandFailure(EXIT.usage, '--day goes with --failed or --con-id: an id is of one moment');
  }
  const { openCloud } = await import('../cloud.ts');
  const trails = await interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    if (id !== undefined) return [await trailOf(id, { cloud, target, signal })];
    return await trailsOf(options, { cloud, target, signal });
  });
  const { trailTable, trailText } = await import('../audit/view.ts');
  const [only] = trails;
  if (options.json) return printJson(id === undefined ? trails : only);
  if (id !== undefined && only !== undefined) return print(trailText(only));
  print(trails.length === 0 ? 'nothing' : trailTable(trails));
}

interface Place {
  readonly cloud: Cloud;
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** @throws CommandFailure when nobody knows the id */
async function trailOf(id: string, place: Place): Promise<Trail> {
  const { cloud, signal } = place;
  const { auditTable, lakeBucket } = cloud.outputs;
  const [{ readAuditItems }, { derivedTrail, trailOfItem, trailOfRow }] = await Promise.all([
    import('../audit/read.ts'),
    import('../audit/trail.ts'),
  ]);
  const item = (await readAuditItems(cloud.documents, auditTable, [id])).get(id);
  if (item !== undefined) return trailOfItem(item);
  const [row] = await storedRows({ id }, place);
  if (row !== undefined) return trailOfRow(row);
  const [{ readDeadLetters }, { readDeclarations }] = await Promise.all([
    import('../dead-letters/read.ts'),
    import('../verify/declarations.ts'),
  ]);
  const { letters } = await readDeadLetters(cloud.s3, lakeBucket, signal);
  const letter = letters.find(({ snapshotId, messageId }) => id === snapshotId || id === `sqs:${messageId}`);
  if (letter !== undefined) {
    const { objectKey, bodyDigest, causes, sentAt } = letter;
    return { id, status: 'FAILED', objectKey, bodyDigest, causes, createdAt: sentAt };
  }
  const declared = await readDeclarations(cloud.s3, { bucket: lakeBucket, letters, signal });
  const derived = derivedTrail(id, declared);
  if (derived !== undefined) return derived;
  throw new CommandFailure(
    EXIT.failed,
    `nobody knows ${id}: neither audit nor lake, dead letters or ledgers`,
  );
}

async function trailsOf({ failed, conId, day }: AuditOptions, place: Place): Promise<Trail[]> {
  const { documents, outputs } = place.cloud;
  const [{ readAuditItems, readFailures }, { trailOfItem, trailOfRow }] = await Promise.all([
    import('../audit/read.ts'),
    import('../audit/trail.ts'),
  ]);
  const failures = await readFailures(documents, outputs.auditTable, {
    nowMs: Date.now(),
    ...(day === undefined ? {} : { day }),
    ...(conId === undefined ? {} : { conId }),
  });
  if (failed === true || conId === undefined) return failures.map(trailOfItem);
  const rows = await storedRows({ conId, ...(day === undefined ? {} : { time: day }) }, place);
  const ids = rows.map(({ id }) => id);
  const items = await readAuditItems(documents, outputs.auditTable, ids);
  const stored = rows.map((row): Trail => {
    const item = items.get(row.id);
    if (item?.status !== 'SUCCESS') return trailOfRow(row);
    return { ...trailOfItem(item), observedAt: row.observedAt };
  });
  const isStored = new Set(ids);
  return [...failures.filter(({ id }) => !isStored.has(id)).map(trailOfItem), ...stored];
}

async function storedRows(
  about: Parameters<typeof import('../audit/rows.ts').readRows>[1],
  { cloud, target, signal }: Place,
) {
  const [{ openLake }, { daysOfTime }, { lakeCacheDirectory }, { readRows }] = await Promise.all([
    import('../lake/lake.ts'),
    import('../lake/objects.ts'),
    import('../target.ts'),
    import('../audit/rows.ts'),
  ]);
  const time = 'time' in about ? about.time : undefined;
  await using lake = await openLake({
    s3: cloud.s3,
    bucket: cloud.outputs.lakeBucket,
    cacheDirectory: lakeCacheDirectory(target, process.env),
    ...(time !== undefined && { days: daysOfTime({ fromMs: time.startMs, toMs: time.endMs }) }),
    signal,
  });
  return await readRows(lake, about, signal);
}
