import { withDeadline } from '../../bridge/wait.ts';
import { EXIT } from '../../cli/failure.ts';
import { generatePortfolio } from '../gateway/generator.ts';
import { formatElapsed } from '../run/duration.ts';
import { Ending } from '../run/ending.ts';
import { Terminal } from '../run/terminal.ts';
import type { WeekOptions } from './options.ts';
import { planWeek } from './plan.ts';
import { play, QUIET_DEADLINE_MS } from './play.ts';
import { WEEK } from './profile.ts';
import { renderWeek } from './report-text.ts';
import { LINES, setStage } from './stage.ts';

/** Condors that want more lines than there are, and about as many positions that no strategy has. */
const PORTFOLIO = { positions: 60, condors: 7 } as const;
/** For the start and the audit, on a machine that is busy. */
const SLACK_MS = 180_000;

/**
 * Plays a week and judges it.
 * @returns the exit code: 0 it holds, 1 it does not, 130 asked to end before its end
 * @throws LocalFault with the remedy when it cannot start; by then nothing of it is left
 */
export async function runWeek(options: WeekOptions): Promise<number> {
  const { seed, sessions, json } = options;
  const startedMs = performance.now();
  const terminal = new Terminal({ json });
  const say = (text: string) => terminal.say(`${formatElapsed(performance.now() - startedMs)}  ${text}`);
  const portfolio = generatePortfolio({ seed, ...PORTFOLIO });
  const plan = planWeek({ seed, sessions, portfolio, timing: WEEK, linesGranted: LINES.granted });
  let kill = () => {};
  using ending = new Ending({
    onSecond: () => {
      kill();
      process.exit(EXIT.interrupted);
    },
  });
  const deadlineMs = plan.reduce((sum, phase) => sum + phase.durationMs + QUIET_DEADLINE_MS, SLACK_MS);
  const signal = withDeadline(ending.signal, deadlineMs);
  say(`npm run week -- --seed ${seed} --sessions ${sessions}`);
  try {
    await using stage = await setStage({ portfolio, timing: WEEK, ...options, say, signal });
    kill = () => void stage.keeper.kill();
    const report = await play({ options, plan, stage, say, signal, startedMs });
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else terminal.say(renderWeek(report));
    return report.holds ? EXIT.ok : EXIT.failed;
  } catch (cause) {
    if (ending.signal.aborted) {
      say('interrupted');
      return EXIT.interrupted;
    }
    if (!signal.aborted) throw cause;
    say(`the week did not end within ${Math.round(deadlineMs / 1000)} s`);
    return EXIT.failed;
  }
}
