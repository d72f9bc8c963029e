/**
 * What the stacks grant and a local run cannot use, or uses only now and then: closed lists with their reasons. A
 * grant that nothing used and that is on neither list has no business in a template.
 */

/** Nothing here can ever use these actions. */
const NEVER: Readonly<Record<string, string>> = {
  'logs:CreateLogStream': 'Lambda opens the log in the name of the function; here handlers log to files',
  'logs:PutLogEvents': 'Lambda writes the log in the name of the function; here handlers log to files',
  'sqs:GetQueueAttributes': 'Lambda asks for the queue when a mapping is made; here the template tells',
  'kms:Decrypt': 'nothing is encrypted here',
  'kms:GenerateDataKey': 'nothing is encrypted here',
  'dynamodb:ListStreams': 'Lambda asks for the stream when a mapping is made; here the template tells',
};

/** By the name of the statement: a run in which nothing fails may leave them alone; a journey uses every one. */
const SELDOM: Readonly<Record<string, string>> = {
  WriteDeclarations: 'only ledgers and declared drops are kept there, and not every run has one',
  ConsumeDeadLetters: 'only what could not be stored is ever in that queue',
  KeepRawBodies: 'only what could not be stored is kept',
  MarkFailed: 'only what could not be stored is marked',
  ListLake: 'the lake is compacted once an hour',
  ReadRaw: 'the lake is compacted once an hour',
  KeepTable: 'the lake is compacted once an hour',
  RetireRaw: 'raw objects go a week after they were compacted',
  VacuumTable: 'files of the table go a week after they were replaced',
  ReadPositions: 'the table is compared two minutes after a keyframe, and a short run ends before',
  ReportFailures: 'only records that the feed could not take are reported',
};

/** @returns why no run here can use the action; undefined when one can */
export function neverUsed(action: string): string | undefined {
  return NEVER[action];
}

/** @returns why a run in which nothing fails may not use the statement */
export function usedSeldom(sid: string): string | undefined {
  return SELDOM[sid];
}
