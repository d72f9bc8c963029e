import { Command } from 'commander';
import type { Cloud } from '../cloud.ts';
import type { Standing } from '../dead-letters/select.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withJson, withShowAccounts, withTarget } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';
import type { TargetOptions } from '../target.ts';

interface LetterOptions extends TargetOptions {
  readonly filter?: string;
  readonly json?: boolean;
  readonly showAccounts?: boolean;
}

/** `slotwise dlq`: what the drain gave up after its last try, and how to send it again. */
export function deadLettersCommand(): Command {
  const command = new Command('dlq')
    .description('show what could not be stored after its last try, and send it again')
    .addHelpText('after', HELP);
  withFilter(withJson(withTarget(command.command('list'))))
    .description('list dead letters, oldest first')
    .action(list);
  withShowAccounts(withJson(withTarget(command.command('show'))))
    .argument('<id>', 'a message id, a snapshot id or an object key')
    .description('show causes and raw body')
    .action(show);
  withFilter(withJson(withTarget(command.command('redrive'))))
    .argument('[ids...]', 'message ids, snapshot ids or object keys; without any, all')
    .description('send raw bodies to the snapshot queue again')
    .action(redriveLetters);
  return command;
}

const HELP = `
A dead letter stays under dead/v1/ for good. Its state is "stored" once its very body has a row, which no redrive sends
again. A redrive is safe to repeat: the drain knows a snapshot by id and digest, and what fails again becomes a dead
letter again.

--filter keeps letters that have the text in their ids, their causes or their body, whatever its case.

Examples:
  $ slotwise dlq list --filter "lake did not take"
  $ slotwise dlq show home:1785300000000-k3x9qa:17
  $ slotwise dlq redrive --filter "lake did not take"`;

function withFilter(command: Command): Command {
  return command.option('--filter <text>', 'only letters with this text in ids, causes or body');
}

async function list(options: LetterOptions): Promise<void> {
  const standings = await withLetters(options, async (found) => found);
  const { letterDocument, lettersTable } = await import('../dead-letters/view.ts');
  if (options.json) return printJson(standings.map(letterDocument));
  print(standings.length === 0 ? 'no dead letters' : lettersTable(standings));
}

async function show(id: string, options: LetterOptions): Promise<void> {
  const standings = named(await withLetters(options, async (found) => found), [id], await selection());
  const { letterDocument, letterText } = await import('../dead-letters/view.ts');
  if (options.json) return printJson(standings.map(letterDocument));
  print(standings.map((one) => letterText(one, options.showAccounts === true)).join('\n\n'));
}

async function redriveLetters(ids: readonly string[], options: LetterOptions): Promise<void> {
  const { redrive } = await import('../dead-letters/redrive.ts');
  const select = await selection();
  const { asked, outcome } = await withLetters(options, async (found, cloud) => {
    const chosen = ids.length === 0 ? found : named(found, ids, select);
    const letters = select.toRedrive(chosen);
    const sqs = await cloud.connectSqs();
    return { asked: chosen, outcome: await redrive(sqs, cloud.outputs.snapshotQueueUrl, letters) };
  });
  const { sent, refused } = outcome;
  const stored = asked.filter(({ state }) => state === 'stored').length;
  for (const { letter, reason } of refused) note(`${letter.messageId}: the queue refused it: ${reason}`);
  if (options.json) {
    printJson({
      sent: sent.map(({ messageId }) => messageId),
      refused: refused.length,
      storedAlready: stored,
    });
  } else {
    const parts = [`${sent.length} sent`, `${stored} stored already`];
    print([...parts, ...(refused.length > 0 ? [`${refused.length} refused`] : [])].join(', '));
  }
  if (refused.length > 0) process.exitCode = EXIT.failed;
}

type Selection = typeof import('../dead-letters/select.ts');

function selection(): Promise<Selection> {
  return import('../dead-letters/select.ts');
}

/** @throws CommandFailure naming the ids that no letter has */
function named(standings: readonly Standing[], ids: readonly string[], { isNamed }: Selection): Standing[] {
  const unknown = ids.filter((id) => !standings.some(({ letter }) => isNamed(letter, id)));
  if (unknown.length > 0) {
    throw new CommandFailure(
      EXIT.usage,
      `no dead letter is named ${unknown.join(', ')}: see slotwise dlq list`,
    );
  }
  return standings.filter(({ letter }) => ids.some((id) => isNamed(letter, id)));
}

async function withLetters<T>(
  options: LetterOptions,
  work: (standings: readonly Standing[], cloud: Cloud) => Promise<T>,
): Promise<T> {
  const target = targetOf(options);
  const [{ openCloud }, { readDeadLetters }, { readAuditItems }, { auditIdsOf, isAbout, standingOf }] =
    await Promise.all([
      import('../cloud.ts'),
      import('../dead-letters/read.ts'),
      import('../audit/read.ts'),
      selection(),
    ]);
  return interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    const { auditTable, lakeBucket } = cloud.outputs;
    const { letters, foreign } = await readDeadLetters(cloud.s3, lakeBucket, signal);
    if (foreign.length > 0) note(`left out, no dead letters: ${foreign.slice(0, 3).join(', ')}`);
    const items = await readAuditItems(cloud.documents, auditTable, letters.flatMap(auditIdsOf));
    const standings = letters.map((letter) => standingOf(letter, items));
    const { filter } = options;
    return await work(
      filter === undefined ? standings : standings.filter((one) => isAbout(one, filter)),
      cloud,
    );
  });
}
