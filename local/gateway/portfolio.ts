import { z } from 'zod';
import { holderOf } from '../../shared/account.ts';
import { conIdSchema, contractSchema } from '../../shared/contract.ts';
import { decimalSchema } from '../../shared/decimal.ts';

/**
 * What the simulated gateway knows: every instrument that can be asked for, and who holds how much of which. The
 * generator makes one, a person may write one by hand; either is a plain JSON document of this schema.
 */

/** Prices in the instrument's own quoting unit (cents where priceMagnifier is 100). */
export const instrumentSchema = z.object({
  /** `exchange` is where requests go: SMART for STK and OPT, CME and the like for FUT and FOP, CBOE for VIX. */
  contract: contractSchema.required({ exchange: true }),
  /** A request that names another exchange gets 200. */
  validExchanges: z.array(z.string().min(1)).min(1),
  primaryExchange: z.string().min(1).optional(),
  longName: z.string().default(''),
  minTick: z.number().positive().default(0.01),
  /** 100: quoted in cents, averageCost in dollars. */
  priceMagnifier: z.int().positive().default(1),
  /** OPT and FOP: the instrument whose price drives this one. */
  underConId: conIdSchema.optional(),
  /** YYYYMM */
  contractMonth: z
    .string()
    .regex(/^\d{6}$/, 'must be YYYYMM')
    .optional(),
  /** AM settles on the open of the day after lastTradeDate (SPX), PM on its close (SPXW). */
  settlement: z.enum(['AM', 'PM']).optional(),
  timeZoneId: z.string().default('US/Eastern'),
  /** As contract details bring them, word for word; those of US products when left out. */
  tradingHours: z.string().optional(),
  liquidHours: z.string().optional(),
  /** Where the random walk begins; required for what is not an option. */
  price: z.number().positive().optional(),
  /** Annual; of an underlying: also the level of its options' smile. */
  volatility: z.number().positive().max(5).default(0.2),
});

export type Instrument = z.infer<typeof instrumentSchema>;

const positionSchema = z.object({
  account: z.string().min(1),
  /** The model of an advisor's account that holds it. */
  modelCode: z.string().min(1).optional(),
  conId: conIdSchema,
  quantity: decimalSchema,
  /** Per contract, multiplier and commission included, as IB reports it. */
  averageCost: decimalSchema,
});

/** One row of the portfolio; quantity 0 says that it just closed. */
export type Position = z.infer<typeof positionSchema>;

const condorSchema = z.object({
  name: z.string().min(1),
  underlying: z.string().min(1),
  account: z.string().min(1),
  legs: z.array(z.object({ conId: conIdSchema, quantity: decimalSchema, openPrice: decimalSchema })),
});

/** An iron condor: long put, short put, short call, long call, by rising strike. openPrice is per share. */
export type Condor = z.infer<typeof condorSchema>;

export const portfolioSchema = z
  .object({
    accounts: z.array(z.string().min(1)).min(1),
    instruments: z.array(instrumentSchema),
    positions: z.array(positionSchema),
    condors: z.array(condorSchema).default([]),
  })
  .superRefine((portfolio, context) => {
    for (const { path, message } of contradictions(portfolio)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

export type Portfolio = z.infer<typeof portfolioSchema>;

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What each part allows and the whole does not. */
function* contradictions(portfolio: {
  readonly accounts: readonly string[];
  readonly instruments: readonly Instrument[];
  readonly positions: readonly Position[];
}): Generator<Contradiction> {
  const instruments = new Map<number, Instrument>();
  for (const [index, instrument] of portfolio.instruments.entries()) {
    const { conId } = instrument.contract;
    if (instruments.has(conId)) {
      yield { path: ['instruments', index, 'contract', 'conId'], message: `${conId} is given twice` };
    }
    instruments.set(conId, instrument);
  }
  for (const [index, instrument] of portfolio.instruments.entries()) {
    const fault = modelFault(instrument, instruments);
    if (fault !== undefined) yield { path: ['instruments', index, ...fault.path], message: fault.message };
  }
  const held = new Set<string>();
  for (const [index, { account, modelCode, conId }] of portfolio.positions.entries()) {
    const path = ['positions', index];
    const holder = holderOf({ account, modelCode });
    if (!portfolio.accounts.includes(account)) {
      yield { path: [...path, 'account'], message: 'is not among accounts' };
    }
    if (!instruments.has(conId)) {
      yield { path: [...path, 'conId'], message: `${conId} is not among instruments` };
    }
    if (held.has(`${holder} ${conId}`)) {
      yield { path: [...path, 'conId'], message: `${conId} is held twice in one account or model` };
    }
    held.add(`${holder} ${conId}`);
  }
}

/** Options need terms and an underlying that has a price; everything else needs a price of its own. */
function modelFault(
  { contract, underConId, price }: Instrument,
  instruments: ReadonlyMap<number, Instrument>,
): Contradiction | undefined {
  if (contract.secType !== 'OPT' && contract.secType !== 'FOP') {
    return price === undefined
      ? { path: ['price'], message: `is required for ${contract.secType}` }
      : undefined;
  }
  for (const term of ['lastTradeDate', 'strike', 'right'] as const) {
    if (contract[term] === undefined) {
      return { path: ['contract', term], message: `is required for ${contract.secType}` };
    }
  }
  if (underConId === undefined || instruments.get(underConId)?.price === undefined) {
    return { path: ['underConId'], message: 'must name an instrument that has a price' };
  }
  return undefined;
}
