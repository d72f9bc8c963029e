import { table } from '../output/table.ts';
import type { Trail } from './trail.ts';

/** Ends of a digest tell two bodies apart. */
const DIGEST_SHOWN = 12;

export function trailText(trail: Trail): string {
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['id', trail.id],
    ['snapshot', trail.snapshotId],
    ['status', trail.status],
    ['conId', trail.conId],
    ['priority', trail.priority === undefined ? undefined : `${trail.priority} (${laneOf(trail.priority)})`],
    ['attempts', trail.attempts],
    ['object', trail.objectKey],
    ['body digest', trail.bodyDigest],
    ['observed', trail.observedAt],
    ['created', trail.createdAt],
    ['updated', trail.updatedAt],
    ...(trail.causes ?? []).map(({ at, attempt, text }) => [`attempt ${attempt}`, `${at} ${text}`] as const),
  ];
  return fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(12)}${value}`)
    .join('\n');
}

export function trailTable(trails: readonly Trail[]): string {
  return table(trails, [
    { head: 'ID', cell: ({ id }) => id },
    { head: 'STATUS', cell: ({ status }) => status },
    { head: 'CONID', cell: ({ conId }) => (conId === undefined ? '' : String(conId)), align: 'right' },
    {
      head: 'PRIO',
      cell: ({ priority }) => (priority === undefined ? '' : String(priority)),
      align: 'right',
    },
    {
      head: 'TRIES',
      cell: ({ attempts }) => (attempts === undefined ? '' : String(attempts)),
      align: 'right',
    },
    { head: 'DIGEST', cell: ({ bodyDigest = '' }) => bodyDigest.slice(0, DIGEST_SHOWN) },
    { head: 'AT', cell: ({ updatedAt, observedAt }) => updatedAt ?? observedAt ?? '' },
    { head: 'LAST CAUSE', cell: ({ causes }) => causes?.at(-1)?.text ?? '' },
  ]);
}

function laneOf(priority: number): string {
  return priority === 1 ? 'streamed' : 'polled';
}
