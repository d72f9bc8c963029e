import { mkdirSync } from 'node:fs';
import { type SimulatedGateway, startGateway } from '../gateway/gateway.ts';
import type { Condor } from '../gateway/portfolio.ts';
import { keepPortfolio, loadPortfolio } from './kept-portfolio.ts';
import type { GatewayChoice } from './options.ts';
import type { StateDirectory } from './state-directory.ts';

/** Every sweep finds something; and what nobody trades is no part of what a month costs. */
const CHANGES_PER_MINUTE = 2;
const KEEP_PERIOD_MS = 2000;

/** The gateway that the bridge connects to. */
export interface GatewayPart extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Absent where the gateway is the user's own. */
  readonly simulated?: SimulatedGateway;
  readonly condors: readonly Condor[];
}

/** @throws LocalFault when the portfolio cannot be had */
export async function startGatewayPart(options: {
  readonly directory: StateDirectory;
  readonly choice: GatewayChoice;
  readonly say: (text: string) => void;
}): Promise<GatewayPart> {
  const { directory, choice, say } = options;
  if (choice.kind === 'own') {
    const { host, port } = choice;
    return { host, port, condors: [], async [Symbol.asyncDispose]() {} };
  }
  const portfolio = await loadPortfolio(directory, choice.portfolio);
  mkdirSync(directory.file('gateway'), { recursive: true, mode: 0o700 });
  const gateway = await startGateway({
    portfolio,
    changesPerMinute: CHANGES_PER_MINUTE,
    requestLogPath: directory.file('gateway', 'requests.log'),
    ...(choice.portfolio.seed === undefined ? {} : { seed: choice.portfolio.seed }),
  });
  let kept = '';
  const keep = () => {
    const { positions } = gateway.portfolio;
    const text = JSON.stringify(positions);
    if (text !== kept) keepPortfolio(directory, portfolio, positions);
    kept = text;
  };
  keep();
  const timer = setInterval(keep, KEEP_PERIOD_MS);
  timer.unref();
  say(`simulated gateway: ${gateway.host}:${gateway.port}, ${portfolio.positions.length} positions`);
  return {
    host: gateway.host,
    port: gateway.port,
    simulated: gateway,
    condors: portfolio.condors,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      keep();
      await gateway.stop();
    },
  };
}
