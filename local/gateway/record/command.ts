import { Command, InvalidArgumentError } from 'commander';
import { replaceFile } from '../../../bridge/durable-file.ts';
import { CommandFailure, EXIT } from '../../../cli/failure.ts';
import { interruptible } from '../../../cli/interrupt.ts';
import { parseDuration } from '../../run/duration.ts';
import { parseEndpoint } from '../../run/options.ts';
import { Disguise } from './disguise.ts';
import { OBSERVER_DEFAULTS, Observer } from './observer.ts';
import { portfolioOf } from './portfolio.ts';
import { scenarioOf } from './scenario.ts';

interface CommandOptions {
  readonly gateway: { readonly host: string; readonly port: number };
  readonly clientId: number;
  readonly for: number;
  readonly lines: number;
  readonly out: string;
  readonly exact?: boolean;
}

const EPILOGUE = `
It reads: positions, contract details, and a few market data lines. It sends no order and no request about one.
Account numbers are replaced; quantities and costs too, unless --exact is given. What you hold, and when your
gateway was away, can be read in the files: look at them before you share them.

Examples:
  $ slotwise record --gateway 127.0.0.1:4001 --for 8h --out last-night
  $ slotwise gateway --portfolio last-night.portfolio.json --scenario last-night.scenario.json`;

/** `slotwise record`: what a real gateway sends, as a portfolio and a scenario of the simulated one. */
export function recordCommand(): Command {
  return new Command('record')
    .description('write what TWS or IB Gateway sends as a portfolio and a scenario of the simulated gateway')
    .requiredOption('--gateway <host:port>', 'TWS or IB Gateway to look at', endpoint)
    .option(
      '--client-id <n>',
      'no other client of that gateway may have it',
      wholeNumber,
      OBSERVER_DEFAULTS.clientId,
    )
    .option('--for <duration>', 'how long, such as 30m or 8h', duration, 3_600_000)
    .option(
      '--lines <n>',
      'market data lines that it may use at a time',
      wholeNumber,
      OBSERVER_DEFAULTS.lines,
    )
    .option('--out <name>', 'writes NAME.portfolio.json and NAME.scenario.json', 'recording')
    .option('--exact', 'keep quantities and average costs as they are')
    .addHelpText('after', EPILOGUE)
    .action((options: CommandOptions) => interruptible((signal) => record(options, signal)));
}

async function record(options: CommandOptions, signal: AbortSignal): Promise<void> {
  const { host, port } = options.gateway;
  const { clientId, lines, out, exact = false } = options;
  const observer = new Observer({ ...OBSERVER_DEFAULTS, host, port, clientId, lines });
  write(`looking at ${host}:${port} as client ${clientId}; Ctrl-C writes what was seen by then`);
  await observer.run(AbortSignal.any([signal, AbortSignal.timeout(options.for)]));
  if (observer.sessions === 0) {
    throw new CommandFailure(
      EXIT.failed,
      `no session with ${host}:${port} began: is it logged in, does it accept API clients, is client id ${clientId} free?`,
    );
  }
  const { observed } = observer;
  const disguise = new Disguise(observed.accounts);
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const { portfolio, leftOut } = portfolioOf(observed, { disguise, exact, seed });
  const scenario = scenarioOf(observed, { disguise, name: `recorded, ${observer.sessions} sessions` });
  await replaceFile(`${out}.portfolio.json`, `${JSON.stringify(portfolio, null, 2)}\n`);
  await replaceFile(`${out}.scenario.json`, `${JSON.stringify(scenario, null, 2)}\n`);
  write(
    `${out}.portfolio.json: ${portfolio.positions.length} positions, ${portfolio.instruments.length} contracts`,
  );
  write(`${out}.scenario.json: ${scenario.steps.length} steps of ${observer.sessions} sessions`);
  for (const { conId, reason } of leftOut) write(`left out: conId ${conId}, ${reason}`);
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function endpoint(text: string): CommandOptions['gateway'] {
  const parsed = parseEndpoint(text);
  if (parsed === undefined) throw new InvalidArgumentError('must be HOST:PORT such as 127.0.0.1:4002.');
  return parsed;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('must be a duration such as 90s, 5m or 8h.');
  return ms;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number such as 3.');
  return Number(text);
}
