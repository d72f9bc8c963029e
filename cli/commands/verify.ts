import { Command } from 'commander';
import { EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { targetOf, withDay, withJson, withTarget } from '../options.ts';
import { print, printJson } from '../output/print.ts';
import type { TargetOptions } from '../target.ts';
import type { TradingDate } from '../trading-date.ts';
import type { Verdict } from '../verify/verify.ts';

interface VerifyOptions extends TargetOptions {
  readonly day?: TradingDate;
  readonly json?: boolean;
}

/** `slotwise verify`: proves that what the bridges produced is there, or names what is not. */
export function verifyCommand(): Command {
  return withJson(withDay(withTarget(new Command('verify'))))
    .description(
      'prove that every snapshot that a bridge accepted is in the lake, dead-lettered or declared dropped',
    )
    .addHelpText('after', HELP)
    .action(verifyLake);
}

const HELP = `
produced = stored + dead-lettered + declared drops, per bridge and epoch (one start of a bridge). Numbers of an epoch
have no gap, and the bridge's ledgers say how far they go: what is missing is known by its id.
  in flight  the queue took it a short while ago (visibility timeout x tries + one window)
  waiting    in the bridge's outbox, as far as its ledgers say
  unknown    went with an outbox that was lost or torn
  lost       none of these: it is named

Verdicts and exit codes:
  ${EXIT.ok}  balanced
  ${EXIT.failed}  lost; also one id with two bodies, or other rows than a ledger names
  ${EXIT.undecided}  undecided, try again later; balanced except an unknown tail, which only you can judge; or nothing known

--day takes the trading date. What is missing has no time of its own: it counts for every date that it may belong to.

Examples:
  $ slotwise verify
  $ slotwise verify --day 2026-11-20
  $ slotwise verify --json | jq .lostIds`;

const CODES: Readonly<Record<Verdict, number>> = {
  balanced: EXIT.ok,
  lost: EXIT.failed,
  undecided: EXIT.undecided,
  'balanced except an unknown tail': EXIT.undecided,
  'nothing known': EXIT.undecided,
};

async function verifyLake(options: VerifyOptions): Promise<void> {
  const target = targetOf(options);
  const { day: time } = options;
  const [{ openCloud }, { lakeCacheDirectory }, { gatherEvidence, readHorizonMs }, { verify }, view] =
    await Promise.all([
      import('../cloud.ts'),
      import('../target.ts'),
      import('../verify/gather.ts'),
      import('../verify/verify.ts'),
      import('../verify/view.ts'),
    ]);
  const { evidence, terms } = await interruptible(async (signal) => {
    await using cloud = await openCloud(target);
    const { snapshotQueueUrl, lakeBucket } = cloud.outputs;
    const horizonMs = await readHorizonMs(await cloud.connectSqs(), snapshotQueueUrl);
    const asked = time === undefined ? {} : { time };
    const found = await gatherEvidence({
      s3: cloud.s3,
      bucket: lakeBucket,
      cacheDirectory: lakeCacheDirectory(target, process.env),
      signal,
      ...asked,
    });
    return { evidence: found, terms: { nowMs: Date.now(), horizonMs, ...asked } };
  });
  const verification = verify(evidence, terms);
  if (options.json) printJson(view.verificationDocument(verification, time));
  else print(view.verificationText(verification, time));
  process.exitCode = CODES[verification.verdict];
}
