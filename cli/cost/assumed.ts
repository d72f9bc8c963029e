import { PHASES, type Usage } from '../../shared/usage.ts';
import { type Amounts, amountsOfInvocations, sum, times } from './rates.ts';

/** Of an average month; 24 x 5 of them the market trades. */
export const MONTH_HOURS = (24 * 365.25) / 12;
export const TRADING_HOURS = (MONTH_HOURS * 5) / 7;

/** What no short run can show. Each is said beside the figures: docs/cost.md. */
export const ASSUMED = {
  /** Five pollers, each with a long poll of 20 s; on a quiet queue Lambda may make do with two. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  pollsPerMinute: 15,
  registryChangesPerDay: 20,
  /** A change is a transaction on HEAD, strategy and history, each twice a plain write. */
  registryChangeUnits: 6,
  /** Of one hourly pass of the compaction, beside a GET for each raw object; measured: docs/cost.md. */
  compaction: { s3Write: 6, s3Read: 20, durationMs: 6000, memoryMb: 1024, diskGb: 1.5 },
  passesPerDay: 25,
  /** Raw objects stay a week and another 30 days as versions of a bucket that forgets nothing at once. */
  rawDays: 37,
} as const;

/** One change: a transaction, one invocation of the feed, and for each bridge a message sent, received, deleted. */
export function registryAmounts({ standing, phases }: Usage): Amounts {
  const feed = PHASES.flatMap((name) => phases[name].invocations).filter(
    ({ component }) => component === 'feed',
  );
  const count = feed.reduce((total, each) => total + each.invocations, 0);
  return sum([
    { dynamodbWrite: ASSUMED.registryChangeUnits, sqsRequest: 3 * standing.bridges },
    times(amountsOfInvocations(feed), count === 0 ? 0 : 1 / count),
  ]);
}

export function compactionAmounts(objects: number): Amounts {
  const { s3Write, s3Read, durationMs, memoryMb, diskGb } = ASSUMED.compaction;
  const passes = (ASSUMED.passesPerDay * MONTH_HOURS) / 24;
  const seconds = durationMs / 1000;
  const one: Amounts = {
    s3Write,
    s3Read,
    lambdaRequest: 1,
    lambdaCompute: seconds * (memoryMb / 1024),
    lambdaDisk: seconds * diskGb,
  };
  return sum([times(one, passes), { s3Read: objects }]);
}
