import * as z from 'zod';
import { conIdSchema } from './contract.ts';
import { decimalSchema, isZero } from './decimal.ts';
import { instantSchema } from './snapshot.ts';

const strategyIdSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be letters, digits, ".", "_" and "-", at most 64, such as "spy-condor-dec"',
  );

const legSchema = z.object({
  conId: conIdSchema,
  /** Signed; 0 is watched: streamed with its strategy, owned by nobody. */
  quantity: decimalSchema,
  openPrice: decimalSchema.optional(),
});

export type Leg = z.infer<typeof legSchema>;

/** One transaction has room for the strategy, its history and HEAD; an item for 400 KB. 60 legs are far below both. */
const LEGS_MAX = 60;

/** What a person or a strategy engine says about a strategy; versions and times are the registry's to give. */
export const strategyInputSchema = z.object({
  id: strategyIdSchema,
  account: z.string().min(1),
  /** ACTIVE wants lines; INACTIVE is held and polled. */
  status: z.enum(['ACTIVE', 'INACTIVE']),
  /** 1 is served first. */
  priority: z.int().min(1).max(100),
  legs: z
    .array(legSchema)
    .min(1)
    .max(LEGS_MAX)
    .refine(
      (legs) => new Set(legs.map((leg) => leg.conId)).size === legs.length,
      'must name each conId once',
    ),
  tags: z.array(z.string().min(1)).max(20).default([]),
  rolledFrom: z.array(strategyIdSchema).default([]),
});

export type StrategyInput = z.infer<typeof strategyInputSchema>;

export const strategySchema = strategyInputSchema.extend({
  schema: z.literal(1),
  /** Counts the versions of this strategy from 1. */
  version: z.int().positive(),
  /** The version of the whole registry that this write made; no other item has the same. */
  registryVersion: z.int().positive(),
  /** Ended: holds nothing, wants nothing, is out of every sum. */
  closedAt: instantSchema.optional(),
  /** A tombstone: kept so that a replica learns of the deletion like of any other change. */
  deletedAt: instantSchema.optional(),
  createdAt: instantSchema,
  updatedAt: instantSchema,
});

export type Strategy = z.infer<typeof strategySchema>;

export function isOpen(strategy: Strategy): boolean {
  return strategy.closedAt === undefined && strategy.deletedAt === undefined;
}

/** Active strategies want a line for each of their legs, watched ones included. */
export function isActive(strategy: Strategy): boolean {
  return isOpen(strategy) && strategy.status === 'ACTIVE';
}

export function isWatched(leg: Leg): boolean {
  return isZero(leg.quantity);
}
