import { withDeadline } from '../../bridge/wait.ts';
import { EXIT } from '../../cli/failure.ts';
import { formatElapsed } from '../run/duration.ts';
import { Ending } from '../run/ending.ts';
import { Terminal } from '../run/terminal.ts';
import type { KillsOptions } from './options.ts';
import { play } from './play.ts';
import { renderKills } from './report.ts';
import { setStage } from './stage.ts';

/** For the start, redeliveries and the audit; and what a busy machine stores in a second at least. */
const SLACK_MS = 300_000;
const PER_SECOND_MIN = 40;

/**
 * Kills bridge and drain while they work and judges what they recorded.
 * @returns the exit code: 0 it holds, 1 it does not, 130 asked to end before its end
 * @throws LocalFault with the remedy when it cannot start; by then nothing of it is left
 */
export async function runKills(options: KillsOptions): Promise<number> {
  const { seed, snapshots, json, keep } = options;
  const startedMs = performance.now();
  const terminal = new Terminal({ json });
  const say = (text: string) => terminal.say(`${formatElapsed(performance.now() - startedMs)}  ${text}`);
  let kill = () => {};
  using ending = new Ending({
    onSecond: () => {
      kill();
      process.exit(EXIT.interrupted);
    },
  });
  const deadlineMs = SLACK_MS + (snapshots / PER_SECOND_MIN) * 1000;
  const signal = withDeadline(ending.signal, deadlineMs);
  say(`npm run kills -- --snapshots ${snapshots} --seed ${seed}`);
  try {
    await using stage = await setStage({ seed, keep, say, signal });
    kill = () => void stage.keeper.kill();
    const report = await play({ options, stage, say, signal });
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else terminal.say(renderKills(report));
    return report.holds ? EXIT.ok : EXIT.failed;
  } catch (cause) {
    if (ending.signal.aborted) {
      say('interrupted');
      return EXIT.interrupted;
    }
    if (!signal.aborted) throw cause;
    say(`it did not end within ${Math.round(deadlineMs / 1000)} s`);
    return EXIT.failed;
  }
}
