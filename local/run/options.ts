import { resolve } from 'node:path';
import { parseDuration } from './duration.ts';
import { LocalFault } from './fault.ts';

/** What the command line gives, as text. */
export interface RawOptions {
  readonly for?: string;
  readonly json?: boolean;
  readonly gateway?: string;
  readonly registry?: string;
  readonly portfolio?: string;
  readonly positions?: string;
  readonly active?: string;
  readonly flips?: string;
  readonly seed?: string;
  readonly dir: string;
  readonly fresh?: boolean;
}

export interface LocalOptions {
  /** Absolute. */
  readonly dir: string;
  readonly fresh: boolean;
  readonly json: boolean;
  /** Until Ctrl-C when absent. */
  readonly forMs: number | undefined;
  readonly gateway: GatewayChoice;
  /** Absolute. */
  readonly registryFile: string | undefined;
  readonly flips: number;
}

export type GatewayChoice =
  | { readonly kind: 'own'; readonly host: string; readonly port: number }
  | { readonly kind: 'simulated'; readonly portfolio: PortfolioChoice };

/** What was asked for; what is undefined was left to us. */
export interface PortfolioChoice {
  /** Absolute. */
  readonly file: string | undefined;
  readonly positions: number | undefined;
  readonly activeLegs: number | undefined;
  readonly seed: number | undefined;
}

export const PORTFOLIO_DEFAULTS = { positions: 200, activeLegs: 20, seed: 1 } as const;

export const LEGS_PER_CONDOR = 4;

const POSITIONS_MAX = 20_000;
const FLIPS_MAX = 10_000;
const SEED_MAX = 2 ** 31 - 1;

/**
 * @param cwd relative paths start here
 * @throws LocalFault naming every fault with its remedy
 */
export function readOptions(raw: RawOptions, cwd: string): LocalOptions {
  const faults: string[] = [];
  const path = (text: string | undefined) => (text === undefined ? undefined : resolve(cwd, text));
  const whole = (name: string, text: string | undefined, range: { min: number; max: number }) => {
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= range.min && value <= range.max) return value;
    faults.push(`--${name} "${text}" must be a whole number from ${range.min} to ${range.max}`);
    return undefined;
  };

  const forMs = raw.for === undefined ? undefined : parseDuration(raw.for);
  if (raw.for !== undefined && forMs === undefined) {
    faults.push(`--for "${raw.for}" must be a duration such as 90s, 5m or 8h`);
  }
  const portfolio: PortfolioChoice = {
    file: path(raw.portfolio),
    positions: whole('positions', raw.positions, { min: 1, max: POSITIONS_MAX }),
    activeLegs: whole('active', raw.active, { min: 0, max: POSITIONS_MAX }),
    seed: whole('seed', raw.seed, { min: 0, max: SEED_MAX }),
  };
  const flips = whole('flips', raw.flips, { min: 1, max: FLIPS_MAX }) ?? 0;
  faults.push(...portfolioFaults(portfolio));
  const endpoint = raw.gateway === undefined ? undefined : parseEndpoint(raw.gateway);
  if (raw.gateway !== undefined) {
    if (endpoint === undefined) {
      faults.push(`--gateway "${raw.gateway}" must be HOST:PORT such as 127.0.0.1:4002`);
    }
    const simulatedOnly = (['portfolio', 'positions', 'active', 'seed', 'flips'] as const).filter(
      (name) => raw[name] !== undefined,
    );
    if (simulatedOnly.length > 0) {
      const names = simulatedOnly.map((name) => `--${name}`).join(', ');
      faults.push(`${names} shapes the simulated gateway: leave it out, or leave out --gateway`);
    }
  }
  if (faults.length > 0) throw new LocalFault(faults.join('; '));

  return {
    dir: resolve(cwd, raw.dir),
    fresh: raw.fresh ?? false,
    json: raw.json ?? false,
    forMs,
    gateway: endpoint === undefined ? { kind: 'simulated', portfolio } : { kind: 'own', ...endpoint },
    registryFile: path(raw.registry),
    flips,
  };
}

/** How large a generated portfolio gets: fewer contracts than 20 have as many condors as fit. */
export function portfolioSize(choice: PortfolioChoice): {
  positions: number;
  activeLegs: number;
  seed: number;
} {
  const positions = choice.positions ?? PORTFOLIO_DEFAULTS.positions;
  const fitting = positions - (positions % LEGS_PER_CONDOR);
  return {
    positions,
    activeLegs: choice.activeLegs ?? Math.min(PORTFOLIO_DEFAULTS.activeLegs, fitting),
    seed: choice.seed ?? PORTFOLIO_DEFAULTS.seed,
  };
}

function portfolioFaults(choice: PortfolioChoice): string[] {
  const faults: string[] = [];
  const { positions, activeLegs } = portfolioSize(choice);
  if (activeLegs % LEGS_PER_CONDOR !== 0) {
    faults.push(
      `--active ${activeLegs} must be a multiple of ${LEGS_PER_CONDOR}: an iron condor has four legs`,
    );
  }
  if (activeLegs > positions) {
    faults.push(`--active ${activeLegs} must not be above --positions, which is ${positions}`);
  }
  if (choice.file !== undefined) {
    const generated = (['positions', 'activeLegs', 'seed'] as const).filter(
      (key) => choice[key] !== undefined,
    );
    if (generated.length > 0) {
      faults.push('--positions, --active and --seed generate a portfolio: leave them out beside --portfolio');
    }
  }
  return faults;
}

/** @returns undefined when the text is not HOST:PORT; an IPv6 address stands in brackets */
export function parseEndpoint(text: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
