import * as z from 'zod';
import { decimalSchema } from './decimal.ts';

/** IB's key of an instrument: positive, stable, the same in every account. */
export const conIdSchema = z.int().positive();

/**
 * What identifies an instrument beside its conId. Absent is unknown: the positions feed, for one, brings
 * option contracts without an exchange.
 */
export const contractSchema = z.object({
  conId: conIdSchema,
  symbol: z.string().min(1),
  /** IB's code, open-ended on purpose: STK, OPT, FUT, FOP, IND, CASH, BOND, CRYPTO, ... */
  secType: z.string().regex(/^[A-Z]+$/, 'must be an IB security type such as "OPT"'),
  /** Last trading day (not the settlement) as YYYYMMDD. */
  lastTradeDate: z
    .string()
    .regex(/^\d{8}$/, 'must be YYYYMMDD')
    .optional(),
  strike: decimalSchema.optional(),
  right: z.enum(['C', 'P']).optional(),
  multiplier: decimalSchema.optional(),
  exchange: z.string().min(1).optional(),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency code such as "USD"'),
  localSymbol: z.string().min(1).optional(),
  tradingClass: z.string().min(1).optional(),
});

export type Contract = z.infer<typeof contractSchema>;
