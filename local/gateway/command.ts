import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandFailure, EXIT } from '../../cli/failure.ts';
import { interruptible } from '../../cli/interrupt.ts';
import { maskAccount } from '../../shared/account.ts';
import { DocumentError } from './document.ts';
import { type GatewayStats, type SimulatedGateway, startGateway } from './gateway.ts';
import { DEFAULT_ACCOUNTS, generatePortfolio } from './generator.ts';
import type { MarketHours } from './hours.ts';
import type { Portfolio } from './portfolio.ts';
import { PortfolioFileError, readPortfolio } from './portfolio-file.ts';
import { readScenario, type Scenario } from './scenario.ts';
import { ScenarioRun, type StepReport } from './scenario-run.ts';
import type { ExercisedFault } from './standing-faults.ts';
import { SERVER_VERSION_DEFAULT } from './version.ts';

const STATUS_PERIOD_MS = 5000;

interface CommandOptions {
  readonly host: string;
  readonly port: number;
  readonly portfolio?: string;
  readonly positions: number;
  readonly condors: number;
  readonly accounts: readonly string[];
  readonly seed: number;
  readonly cap: number;
  readonly serverVersion: number;
  readonly tickMs: number;
  readonly tickTurns: number;
  readonly marketHours: MarketHours;
  readonly changesPerMinute: number;
  readonly log?: string;
  readonly scenario?: string;
  readonly json?: boolean;
}

/** `slotwise gateway`: the simulated gateway alone, for whoever writes software against the TWS API. */
export function gatewayCommand(): Command {
  return new Command('gateway')
    .description('run the simulated IB Gateway alone')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on, 0 for a free one', wholeNumber, 4002)
    .option('--portfolio <file>', 'what it holds, as JSON; generated when left out')
    .option('--positions <n>', 'positions to generate', wholeNumber, 200)
    .option('--condors <n>', 'iron condors among them', wholeNumber, 5)
    .option(
      '--accounts <list>',
      'accounts to generate for, separated by commas',
      accountList,
      DEFAULT_ACCOUNTS,
    )
    .option('--seed <n>', 'the same seed gives the same portfolio and the same market', wholeNumber, 1)
    .option('--cap <n>', 'market data lines of the account', wholeNumber, 100)
    .option('--server-version <n>', 'highest protocol version to speak', wholeNumber, SERVER_VERSION_DEFAULT)
    .option('--tick-ms <n>', 'how often the market moves', wholeNumber, 250)
    .option(
      '--tick-turns <n>',
      'turns in which contracts tick between two moves, 1 for all at once',
      wholeNumber,
      1,
    )
    .addOption(
      new Option('--market-hours <which>', 'what contract details say of the hours')
        .choices(['around-the-clock', 'exchange'])
        .default('around-the-clock'),
    )
    .option('--changes-per-minute <n>', 'positions that open, change or close by themselves', wholeNumber, 0)
    .option('--scenario <file>', 'faults and when they happen, as JSON')
    .option('--log <file>', 'append every request received as a JSON line')
    .option('--json', 'print the status as JSON lines')
    .action((options: CommandOptions) => interruptible((signal) => runGateway(options, signal)));
}

async function runGateway(options: CommandOptions, signal: AbortSignal): Promise<void> {
  const portfolio = await portfolioOf(options);
  const scenario = await scenarioOf(options);
  const gateway = await listen(options, portfolio);
  const run = scenario === undefined ? undefined : new ScenarioRun({ gateway, scenario });
  try {
    print(options, gateway, portfolio);
    gateway.onFault((fault) => printFault(options, fault));
    run?.start();
    while (!signal.aborted) {
      await sleep(STATUS_PERIOD_MS, undefined, { signal }).catch(() => undefined);
      printStatus(options, gateway.stats());
    }
  } finally {
    run?.stop();
    if (run !== undefined) printReport(options, run.report());
    await gateway.stop();
  }
}

async function scenarioOf({ scenario }: CommandOptions): Promise<Scenario | undefined> {
  try {
    return scenario === undefined ? undefined : await readScenario(scenario);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new CommandFailure(EXIT.usage, `the scenario cannot be read: ${error.message}`, { cause: error });
  }
}

async function portfolioOf(options: CommandOptions): Promise<Portfolio> {
  try {
    return options.portfolio === undefined
      ? generatePortfolio(options)
      : await readPortfolio(options.portfolio);
  } catch (error) {
    if (error instanceof PortfolioFileError) {
      throw new CommandFailure(EXIT.usage, `the portfolio cannot be read: ${error.message}`, {
        cause: error,
      });
    }
    if (error instanceof RangeError) throw new CommandFailure(EXIT.usage, error.message, { cause: error });
    throw error;
  }
}

async function listen(options: CommandOptions, portfolio: Portfolio): Promise<SimulatedGateway> {
  try {
    return await startGateway({
      portfolio,
      host: options.host,
      port: options.port,
      seed: options.seed,
      linesCap: options.cap,
      serverVersion: options.serverVersion,
      tickPeriodMs: options.tickMs,
      tickTurns: options.tickTurns,
      marketHours: options.marketHours,
      changesPerMinute: options.changesPerMinute,
      ...(options.log === undefined ? {} : { requestLogPath: options.log }),
    });
  } catch (error) {
    throw startFailure(error, options);
  }
}

/** What is wrong with the command line, or with the place that it names, and what to do about it. */
function startFailure(error: unknown, { host, port }: CommandOptions): unknown {
  if (error instanceof RangeError) return new CommandFailure(EXIT.usage, error.message, { cause: error });
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return new CommandFailure(
        EXIT.failed,
        `port ${port} is in use, perhaps by TWS or another gateway: stop it, or choose another one with --port`,
        { cause: error },
      );
    case 'EACCES':
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CommandFailure(EXIT.failed, `cannot listen on ${host}:${port}: ${message}`, {
        cause: error,
      });
    default:
      return error;
  }
}

function print(options: CommandOptions, gateway: SimulatedGateway, portfolio: Portfolio): void {
  const { host, port } = gateway;
  const stats = gateway.stats();
  if (options.json) {
    write(JSON.stringify({ event: 'listening', host, port, ...jsonStatus(stats) }));
    return;
  }
  const accounts = portfolio.accounts.map(maskAccount).join(', ');
  write(`simulated IB Gateway on ${host}:${port}, server version ${stats.serverVersion}`);
  write(
    `${stats.positions} positions in ${accounts}; ${stats.lines.cap} market data lines; orders are refused; Ctrl-C stops it`,
  );
}

function printStatus(options: CommandOptions, stats: GatewayStats): void {
  if (options.json) {
    write(JSON.stringify({ event: 'status', at: new Date().toISOString(), ...jsonStatus(stats) }));
    return;
  }
  const { lines } = stats;
  write(
    [
      `clients ${stats.clients.length}`,
      `lines ${lines.streaming}+${lines.snapshotsInFlight} of ${lines.cap} (peak ${lines.peak}, refused ${lines.refused})`,
      `positions ${stats.positions}`,
      `requests ${stats.requests}`,
      `ticks ${stats.ticks}`,
    ].join(' · '),
  );
}

function printFault(options: CommandOptions, fault: ExercisedFault): void {
  const at = new Date(fault.at).toISOString();
  if (options.json) write(JSON.stringify({ event: 'fault', ...fault, at }));
  else write(`${at} fault ${fault.kind}: ${fault.detail} (${fault.affected})`);
}

/** At the end: a scenario whose faults reached nobody has proved nothing. */
function printReport(options: CommandOptions, steps: readonly StepReport[]): void {
  const exercised = steps.filter(({ isExercised }) => isExercised).length;
  if (options.json) write(JSON.stringify({ event: 'scenario', planned: steps.length, exercised, steps }));
  else write(`${exercised} of ${steps.length} steps of the scenario were exercised`);
  for (const { step, isExercised, failure } of options.json ? [] : steps) {
    if (!isExercised)
      write(`not exercised: ${step.fault.kind}${failure === undefined ? '' : `: ${failure}`}`);
  }
}

function jsonStatus(stats: GatewayStats): Record<string, unknown> {
  const { byClient, byConId, ...lines } = stats.lines;
  return { ...stats, lines: { ...lines, contracts: byConId.size, clients: byClient.size } };
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number such as 3.');
  return Number(text);
}

function accountList(text: string): string[] {
  const accounts = text.split(',').map((account) => account.trim());
  if (accounts.some((account) => account === '')) {
    throw new InvalidArgumentError('must be account numbers such as DU1234567,DU7654321.');
  }
  return accounts;
}
