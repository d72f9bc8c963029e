import type { BridgeEnd } from '../run/bridge-process.ts';
import type { WeekRecord } from './audit.ts';
import { differences, falseTurns } from './judge.ts';
import type { Life } from './keeper.ts';
import type { LogEntry } from './log-file.ts';
import type { Relation } from './profile.ts';
import type { DeedCount, PhaseReport } from './report.ts';
import type { Truth } from './truth.ts';

/** All that is known once the week is over. */
export interface Closing {
  readonly relations: readonly Relation[];
  readonly phases: readonly PhaseReport[];
  readonly deeds: readonly DeedCount[];
  /** How the last bridge ended when it was asked to. */
  readonly end: BridgeEnd | undefined;
  readonly isDrained: boolean;
  readonly lives: readonly Life[];
  readonly log: readonly LogEntry[];
  readonly record: WeekRecord;
  readonly truth: Truth;
  /** What a cycle of positions may take. */
  readonly slackMs: number;
}

/** @returns everything that is not as it should be, and how many turns of positions are false among it */
export function closingComplaints(closing: Closing): {
  readonly complaints: readonly string[];
  readonly falseTurns: number;
} {
  const { relations, phases, deeds, end, isDrained, lives, log, record, truth, slackMs } = closing;
  const turns = falseTurns(record.turns, truth, slackMs);
  return {
    complaints: [
      ...relations.filter(({ holds }) => !holds).map(({ text }) => `not kept by the profile: ${text}`),
      ...phases.flatMap(({ name, complaints }) => complaints.map((each) => `${name}: ${each}`)),
      ...deeds.flatMap(({ name, unmet }) => unmet.map((why) => `planned and not exercised: ${name}: ${why}`)),
      ...(end?.code === 0 ? [] : [`the bridge did not end in order: ${endText(end)}`]),
      ...lives.slice(0, -1).flatMap(lifeComplaint),
      ...logComplaints(log),
      ...(isDrained ? [] : ['the queue did not become empty']),
      ...recordComplaints(record, truth),
      ...turns,
    ],
    falseTurns: turns.length,
  };
}

function lifeComplaint({ isKilled, mayFail, end, startedMs, pid }: Life): string[] {
  if (isKilled || (mayFail && end?.code === 1)) return [];
  const since = new Date(startedMs).toISOString();
  return [`the bridge of ${since} (process ${pid}) ended by itself: ${endText(end)}`];
}

function endText(end: BridgeEnd | undefined): string {
  if (end === undefined) return 'it did not run';
  return end.signal ?? `exit code ${end.code}`;
}

/** pino's number for an error: https://getpino.io/#/docs/api?id=loggerlevels-object */
const LEVEL_ERROR = 50;
const FULL = /disk is full|ENOSPC|disk I\/O error/;
const ERRORS_NAMED_MAX = 5;

/** A disk that takes nothing is planned, and said so; every other error of the bridge is a finding. */
function logComplaints(log: readonly LogEntry[]): string[] {
  const errors = log.filter(
    ({ level, text }) => typeof level === 'number' && level >= LEVEL_ERROR && !FULL.test(text),
  );
  return errors.slice(0, ERRORS_NAMED_MAX).map(({ text }) => `an error in the bridge's log: ${text}`);
}

function recordComplaints(record: WeekRecord, truth: Truth): string[] {
  const { reconciliation, duplicateRows, conflicts, queued, denied, verify, lastOfLake, table } = record;
  const { produced, stored, deadLettered, inFlight, lost, missingIds, strangers } = reconciliation;
  const complaints: string[] = [];
  const named = missingIds.join(', ');
  if (produced === 0) complaints.push('nothing was recorded');
  if (lost > 0) complaints.push(`${lost} snapshots are nowhere, for example ${named}`);
  if (inFlight > 0) complaints.push(`${inFlight} snapshots are not stored yet, for example ${named}`);
  if (deadLettered > 0) complaints.push(`${deadLettered} of ${stored} snapshots are dead letters`);
  if (strangers > 0) complaints.push(`${strangers} snapshots of an outbox that there never was`);
  if (queued > 0) complaints.push(`${queued} messages are left in a queue`);
  if (duplicateRows > 0) complaints.push(`${duplicateRows} rows that a reader sees twice`);
  if (conflicts > 0) complaints.push(`${conflicts} snapshot ids with two bodies`);
  complaints.push(...denied.map((each) => `a call was refused: ${each}`));
  if (verify.exitCode !== 0) complaints.push(`slotwise verify: exit code ${verify.exitCode}: ${verify.text}`);
  complaints.push(...differences('the positions table', table, truth.positions));
  complaints.push(...differences('the lake', lastOfLake, truth.positions));
  return complaints;
}
