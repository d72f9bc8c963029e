/** A schedule by the clock, in UTC. */
export interface Cron {
  readonly minute: number;
  /** Every hour without it. */
  readonly hour?: number;
}

const EXPRESSION = /^cron\((?<minute>\d{1,2}) (?<hour>\d{1,2}|\*) \* \* \? \*\)$/;

/**
 * `cron(7 * * * ? *)` and `cron(37 1 * * ? *)`: once an hour or once a day is all that the stacks ask for.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
 * @returns undefined for any other expression
 */
export function parseCron(expression: string): Cron | undefined {
  const { minute, hour } = EXPRESSION.exec(expression)?.groups ?? {};
  if (minute === undefined || Number(minute) > 59 || Number(hour) > 23) return undefined;
  return { minute: Number(minute), ...(hour !== '*' && { hour: Number(hour) }) };
}

const HOUR_MS = 3_600_000;

/** @returns the first moment after `afterMs` at which it is due */
export function nextDueMs({ minute, hour }: Cron, afterMs: number): number {
  const inHourMs = minute * 60_000;
  let due = afterMs - (afterMs % HOUR_MS) + inHourMs;
  while (due <= afterMs || (hour !== undefined && new Date(due).getUTCHours() !== hour)) due += HOUR_MS;
  return due;
}
