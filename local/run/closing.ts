import { type Month, monthOf, TooShort } from '../../cli/cost/month.ts';
import type { Usage } from '../../shared/usage.ts';
import { readBalance } from './balance.ts';
import type { BridgePart } from './bridge-part.ts';
import type { CloudPart } from './cloud-part.ts';
import { summarizeLatencies } from './latency.ts';
import type { LinesFigures, Measured } from './report.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Watch } from './watch.ts';

/** The bridge cancels its lines and sends what its outbox holds; after that it is killed, and loses nothing. */
const BRIDGE_STOP_DEADLINE_MS = 20_000;

/** The last batch waits for its window, is written and marked: seconds. A poison message may stay for longer. */
const DRAIN_DEADLINE_MS = 60_000;

/**
 * Ends the flow in its own direction, so that nothing is on the way any more when the books are closed: the bridge
 * hands over what it has, the drain empties the queue, then everything is counted where it lies.
 */
export async function closeBooks(options: {
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly bridge: BridgePart;
  readonly watch: Watch;
  readonly latenciesMs: readonly number[];
  readonly say: (text: string) => void;
}): Promise<Measured> {
  const { directory, cloudPart, bridge, watch, say } = options;
  const lines = watch.lines();
  cloudPart.cloud.meter.stop();
  const month = monthSoFar(cloudPart.cloud.meter.usage());
  say('stopping the bridge: it lets go of its lines and sends what its outbox holds');
  const end = await bridge.supervisor.stop(BRIDGE_STOP_DEADLINE_MS);
  if (end?.signal === 'SIGKILL')
    say(`the bridge did not end within ${BRIDGE_STOP_DEADLINE_MS / 1000} s and was killed`);
  await watch.readLastStatus();

  say('draining the queue into the lake');
  if (!(await drain(cloudPart))) say(`the queue is not empty after ${DRAIN_DEADLINE_MS / 1000} s`);

  say('counting what is stored');
  return measure({ directory, cloudPart, watch, lines, month, latenciesMs: options.latenciesMs });
}

/** @returns false when messages are left at the deadline */
async function drain({ cloud }: CloudPart): Promise<boolean> {
  const deadline = AbortSignal.timeout(DRAIN_DEADLINE_MS);
  try {
    await cloud.idle(deadline);
    return true;
  } catch (cause) {
    if (!deadline.aborted) throw cause;
    return false;
  }
}

async function measure(options: {
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly watch: Watch;
  readonly lines: LinesFigures;
  readonly month: Month | undefined;
  readonly latenciesMs: readonly number[];
}): Promise<Measured> {
  const { directory, cloudPart, watch, lines, month } = options;
  const { cloud } = cloudPart;
  const { queued: _, ...balance } = await readBalance(directory, cloudPart);
  const { complete, failed, ticks } = watch.tally.totals;
  const { cap, streaming, peak, peakWithSnapshots, refused } = lines;
  return {
    serverVersion: watch.tally.serverVersion,
    lines: { cap, streaming, peak, peakWithSnapshots, refused },
    sweeps: { complete, failed },
    ticks,
    ...balance,
    batches: watch.batches(),
    registry: summarizeLatencies(options.latenciesMs),
    month,
    permissions: {
      denied: cloud.journal.accesses().filter(({ denied }) => denied > 0),
      unused: (await cloud.unusedGrants()).filter(({ reason }) => reason === undefined),
    },
  };
}

/** @returns undefined of a run that was too short to say anything of a month */
function monthSoFar(usage: Usage): Month | undefined {
  try {
    return monthOf(usage);
  } catch (cause) {
    if (cause instanceof TooShort) return undefined;
    throw cause;
  }
}
