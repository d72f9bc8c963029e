import { Command } from 'commander';
import { EXIT } from '../failure.ts';
import { type BridgeOptions, describeSilence, readBridges, withBridge } from '../lines/bridges.ts';
import { withJson } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';

type ReconcileOptions = BridgeOptions & { readonly json?: boolean };

/** `slotwise reconcile`: whether the table of positions is what the broker's list says, and what was mended. */
export function reconcileCommand(): Command {
  return withJson(withBridge(new Command('reconcile')))
    .description('show how the table of positions differs from what the broker lists, and what was mended')
    .addHelpText('after', HELP)
    .action(reconcile);
}

const HELP = `
After each keyframe a bridge compares the table with its last complete sweep, of the accounts that it holds. What stays
different for longer than the drain takes it sends again.
  missing     the table has no row
  extra       only the table holds it: closed once two sweeps and the account's own holdings lack it too
  quantity    the table has another one
  stale       the same quantity, older than the last keyframe
  newer       a row that precedes anything the bridge could send now: left alone
  unreadable  no snapshot: left alone

Verdicts and exit codes, of all bridges the worst:
  ${EXIT.ok}  agrees
  ${EXIT.failed}  differs
  ${EXIT.undecided}  undecided: not compared yet, or not lately, or what was found is too young; or a bridge does not
     answer, of which the last word is shown

Examples:
  $ slotwise reconcile
  $ slotwise reconcile --json | jq '.[].reconcile.differences'`;

async function reconcile(options: ReconcileOptions): Promise<void> {
  const [{ known, silent }, { exitCodeOf, reconcileView }] = await Promise.all([
    readBridges(options),
    import('../lines/reconcile.ts'),
  ]);
  if (options.json) {
    printJson(
      known.map(({ type, status: { bridge, at, reconcile } }) => ({
        bridge,
        at,
        isLive: type === 'live',
        reconcile,
      })),
    );
  } else print(known.map(reconcileView).join('\n\n'));
  for (const reading of silent) note(describeSilence([reading]));
  process.exitCode = exitCodeOf([...known, ...silent]);
}
