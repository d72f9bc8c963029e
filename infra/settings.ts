import * as z from 'zod';
import { COMPACT, DEAD_LETTER, DRAIN, FEED, RETENTION } from '../shared/limits.ts';
import { describeFaults } from '../shared/message.ts';
import { bridgeIdSchema } from '../shared/snapshot.ts';

/** Context keys of cdk.json: what an installation chooses, and what a later deployment must not forget. */
export const CONTEXT = {
  /** List of bridge ids. */
  bridges: 'slotwise:bridges',
  /** Single settings that differ from the defaults, in the shape of Settings. */
  settings: 'slotwise:settings',
} as const;

/** A choice of the installation that cannot be deployed: its message is all that a person needs. */
export class SettingFault extends Error {
  override readonly name = 'SettingFault';
}

const positive = z.int().positive();

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const memory = z.int().min(128).max(10_240);

/** No alias: permission is on a key. https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html */
const KEY_ARN = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-)?[0-9a-f-]{32,36}$/;

const sourceIp = z
  .union([z.cidrv4(), z.cidrv6()], 'must be a CIDR block such as "203.0.113.7/32"')
  .refine((block) => !block.endsWith('/0'), 'must not be every address');

const overridesSchema = z.strictObject({
  /** Of the functions. */
  architecture: z.enum(['arm64', 'x86_64']).optional(),
  drain: z
    .strictObject({
      batchSize: positive.max(10_000).optional(),
      batchWindowS: z.int().nonnegative().max(300).optional(),
      timeoutS: positive.max(900).optional(),
      memoryMb: memory.optional(),
      visibilityTimeoutS: positive.max(43_200).optional(),
      maxReceiveCount: positive.max(1000).optional(),
    })
    .optional(),
  deadLetter: z.strictObject({ memoryMb: memory.optional() }).optional(),
  feed: z
    .strictObject({
      retryAttempts: z.int().nonnegative().max(10_000).optional(),
      recordAgeMaxS: positive.min(60).max(604_800).optional(),
      memoryMb: memory.optional(),
    })
    .optional(),
  compact: z
    .strictObject({
      /** How long raw objects and replaced files stay when nobody needs them any more. */
      graceS: positive.optional(),
      memoryMb: memory.min(COMPACT.memoryMb).optional(),
      /** Of each hour: today's rows. */
      hourlyMinute: z.int().nonnegative().max(59).optional(),
      /** In UTC: yesterday's rows, the late ones too. */
      nightlyAt: z
        .string()
        .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day in UTC such as "01:37"')
        .optional(),
    })
    .optional(),
  /** How long CloudWatch keeps the logs of the functions. */
  logRetentionDays: z
    .literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 3653])
    .optional(),
  /** Who is told of alarms; AWS asks this address once whether it agrees. */
  alarmEmail: z.email().optional(),
  /** A KMS key of yours instead of AWS's own, in the region of the stacks. */
  keyArn: z
    .string()
    .regex(KEY_ARN, 'must be the ARN of a key, such as "arn:aws:kms:us-east-1:123456789012:key/..."')
    .optional(),
  /** Whether tables, bucket and queues stay when their stack is deleted. */
  keepState: z.boolean().optional(),
  /** How bridges outside AWS sign in; without it the stacks hold their policies and no identity. */
  bridgeAccess: z
    .strictObject({
      /** PEM file of the authority's certificate, relative to cdk.json: a role for each bridge's certificate. */
      caCertificate: z.string().min(1).optional(),
      /** CIDR blocks: a user for each bridge, of use from these addresses alone. */
      sourceIps: z.array(sourceIp).min(1, 'must name at least one address').optional(),
    })
    .optional(),
  /** An instance in EC2 for IB Gateway and one bridge. */
  host: z
    .strictObject({
      /** One of the list of bridges. */
      bridge: bridgeIdSchema,
      /** Which of the account's two the gateway logs in to. */
      tradingMode: z.enum(['paper', 'live']).optional(),
      instanceType: z
        .string()
        .regex(/^[a-z]\d+g[a-z]*\.\w+$/, 'must be one of arm64 such as "t4g.small"')
        .optional(),
    })
    .optional(),
});

export type SettingOverrides = z.infer<typeof overridesSchema>;

type Complete<T> = { readonly [Key in keyof T]-?: Complete<NonNullable<T[Key]>> };

/** What an installation has only when it says so. */
type Chosen = 'alarmEmail' | 'bridgeAccess' | 'host' | 'keyArn';

export type HostSettings = Complete<NonNullable<SettingOverrides['host']>>;

export type Settings = Complete<Omit<SettingOverrides, Chosen>> & {
  /** Without one the topic of the alarms has no reader until somebody subscribes. */
  readonly alarmEmail: string | undefined;
  /** Without one each service encrypts with its own. */
  readonly keyArn: string | undefined;
  readonly bridgeAccess: NonNullable<SettingOverrides['bridgeAccess']> | undefined;
  readonly host: HostSettings | undefined;
  /** Each has a feed queue and an identity of its own. */
  readonly bridges: readonly string[];
  /** The functions run in workers of this machine, which then need its own machine code. */
  readonly runsHere: boolean;
};

const DEFAULTS: Complete<Omit<SettingOverrides, Chosen>> = {
  architecture: 'arm64',
  drain: {
    batchSize: DRAIN.batchSize,
    batchWindowS: DRAIN.batchWindowS,
    timeoutS: DRAIN.timeoutS,
    memoryMb: DRAIN.memoryMb,
    visibilityTimeoutS: DRAIN.visibilityTimeoutS,
    maxReceiveCount: DRAIN.maxReceiveCount,
  },
  deadLetter: { memoryMb: DEAD_LETTER.memoryMb },
  feed: {
    retryAttempts: FEED.retryAttempts,
    recordAgeMaxS: FEED.recordAgeMaxS,
    memoryMb: FEED.memoryMb,
  },
  compact: {
    graceS: COMPACT.graceS,
    memoryMb: COMPACT.memoryMb,
    hourlyMinute: 7,
    nightlyAt: '01:37',
  },
  logRetentionDays: 30,
  keepState: true,
};

/** 2 GiB: the gateway takes about one, the bridge a fifth of that. */
const HOST_DEFAULTS = { tradingMode: 'paper', instanceType: 't4g.small' } as const;

/** Six timeouts as well: the dead-letter function takes its messages at once, without a window. */
export const DEAD_LETTER_VISIBILITY_S = 6 * DEAD_LETTER.timeoutS;

const bridgesSchema = z
  .array(bridgeIdSchema)
  .min(1, 'must name at least one bridge, such as ["home"]')
  .refine((bridges) => new Set(bridges).size === bridges.length, 'must name each bridge once');

/**
 * @param given unchecked, as cdk.json or a caller has it
 * @throws SettingFault naming what is wrong; also when a relation between the numbers does not hold: a template that
 *   loses or repeats messages is not synthesized
 */
export function settingsOf(given: {
  readonly bridges: unknown;
  readonly overrides?: unknown;
  readonly runsHere?: boolean;
}): Settings {
  const bridges = checked(CONTEXT.bridges, bridgesSchema, given.bridges);
  const overrides = checked(CONTEXT.settings, overridesSchema, given.overrides ?? {});
  const settings: Settings = {
    architecture: overrides.architecture ?? DEFAULTS.architecture,
    drain: { ...DEFAULTS.drain, ...known(overrides.drain) },
    deadLetter: { ...DEFAULTS.deadLetter, ...known(overrides.deadLetter) },
    feed: { ...DEFAULTS.feed, ...known(overrides.feed) },
    compact: { ...DEFAULTS.compact, ...known(overrides.compact) },
    logRetentionDays: overrides.logRetentionDays ?? DEFAULTS.logRetentionDays,
    keepState: overrides.keepState ?? DEFAULTS.keepState,
    alarmEmail: overrides.alarmEmail,
    keyArn: overrides.keyArn,
    bridgeAccess: overrides.bridgeAccess,
    host: overrides.host && { ...HOST_DEFAULTS, ...known(overrides.host), bridge: overrides.host.bridge },
    bridges,
    runsHere: given.runsHere ?? false,
  };
  checkRelations(settings);
  return settings;
}

function checkRelations({ drain, host, bridges }: Settings): void {
  relation(
    host === undefined || bridges.includes(host.bridge),
    `host.bridge must be one of "${CONTEXT.bridges}": ${bridges.join(', ')}`,
  );
  const visibilityMinS = 6 * drain.timeoutS + drain.batchWindowS;
  relation(
    drain.visibilityTimeoutS >= visibilityMinS,
    `drain.visibilityTimeoutS must be at least ${visibilityMinS}: six times drain.timeoutS plus drain.batchWindowS, or a batch in work is delivered a second time`,
  );
  relation(
    drain.batchSize <= 10 || drain.batchWindowS >= 1,
    'drain.batchSize above 10 needs a drain.batchWindowS of at least 1',
  );
  relation(
    drain.visibilityTimeoutS * drain.maxReceiveCount < RETENTION.queueS,
    `drain.visibilityTimeoutS times drain.maxReceiveCount must be below ${RETENTION.queueS}, or the queue forgets a message before its last try`,
  );
}

function checked<T>(key: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SettingFault(`cdk.json, context "${key}": ${describeFaults(parsed.error)}`);
}

function relation(holds: boolean, text: string): void {
  if (!holds) throw new SettingFault(`cdk.json, context "${CONTEXT.settings}": ${text}`);
}

/** Without the keys that are there but undefined: they would hide the defaults. */
function known<T extends object>(given: T | undefined): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}
