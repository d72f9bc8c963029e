import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { CommandFailure, EXIT } from '../failure.ts';
import { targetOf, withTarget } from '../options.ts';
import { print } from '../output/print.ts';
import { describeTarget, type TargetOptions } from '../target.ts';

const MINUTE_MS = 60_000;
const FILE = 'dashboard.html';

interface DashboardOptions extends TargetOptions {
  readonly out?: string;
}

/** `slotwise dashboard`: the deployment's own dashboard over the metrics of a local run. */
export function dashboardCommand(): Command {
  return withTarget(new Command('dashboard'))
    .description(
      'draw the CloudWatch dashboard and its alarms over the metrics of a local run, as one HTML page',
    )
    .option('--out <file>', `where to write it (default: ${FILE} in the run's directory)`)
    .addHelpText('after', HELP)
    .action(dashboard);
}

const HELP = `
The dashboard and the alarms are those of the synthesized template: what a deployment would show of the same metrics.
A run that lives may be looked at as well; its metrics are written every 20 s. Times are UTC. Metrics that only AWS has
stay empty, and the logs are not asked.

Examples:
  $ slotwise dashboard
  $ slotwise dashboard --dir .slotwise-paper --out /tmp/paper.html`;

async function dashboard(options: DashboardOptions): Promise<void> {
  const target = targetOf(options);
  if (target.kind === 'aws') {
    throw new CommandFailure(
      EXIT.usage,
      'the dashboard of a deployment is in CloudWatch: this command draws local runs only, name one with --dir',
    );
  }
  // A library that draws takes a while to load: nobody else waits for it.
  const [{ readMetrics }, { renderPage }] = await Promise.all([
    import('../dashboard/read.ts'),
    import('../dashboard/page.ts'),
  ]);
  const { monitoring, store } = readMetrics(target);
  const ended = store.extent()?.to ?? Date.now();
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const to = target.isRunning ? Math.max(now, store.extent()?.from ?? now) : ended;
  const file = options.out === undefined ? join(target.dir, FILE) : resolve(options.out);
  const page = renderPage({ monitoring, store, source: describeTarget(target), to });
  try {
    writeFileSync(file, page, { mode: 0o600 });
  } catch (cause) {
    throw new CommandFailure(EXIT.usage, `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
  print(file);
}
