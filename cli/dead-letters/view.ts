import { maskAccount } from '../../shared/account.ts';
import { table } from '../output/table.ts';
import type { Standing } from './select.ts';

const CAUSE_SHOWN = 80;

export function lettersTable(standings: readonly Standing[]): string {
  return table(standings, [
    { head: 'MESSAGE', cell: ({ letter }) => letter.messageId },
    { head: 'SNAPSHOT', cell: ({ letter }) => letter.snapshotId ?? '' },
    { head: 'STATE', cell: ({ state }) => state },
    { head: 'SENT', cell: ({ letter }) => letter.sentAt },
    { head: 'TRIES', cell: ({ letter }) => String(letter.causes.length), align: 'right' },
    {
      head: 'LAST CAUSE',
      cell: ({ letter }) => shortened(letter.causes.at(-1)?.text ?? 'none was written down'),
    },
  ]);
}

export function letterText({ letter, state }: Standing, showAccounts: boolean): string {
  const { messageId, snapshotId, sentAt, bodyDigest, objectKey, causes, body } = letter;
  return [
    `message     ${messageId}`,
    ...(snapshotId === undefined ? [] : [`snapshot    ${snapshotId}`]),
    `state       ${state}`,
    `sent        ${sentAt}`,
    `body digest ${bodyDigest}`,
    `object      ${objectKey}`,
    ...causes.map(({ at, attempt, text }) => `attempt ${String(attempt).padEnd(4)}${at} ${text}`),
    '',
    showAccounts ? body : withoutAccounts(body),
  ].join('\n');
}

export function letterDocument({ letter, state }: Standing): unknown {
  return { ...letter, state };
}

/** Of a body that may be no JSON at all: whatever stands where an account would. */
function withoutAccounts(body: string): string {
  return body.replace(
    /("account"\s*:\s*")([^"]*)/g,
    (_, head: string, account: string) => head + maskAccount(account),
  );
}

function shortened(text: string): string {
  return text.length > CAUSE_SHOWN ? `${text.slice(0, CAUSE_SHOWN - 1)}…` : text;
}
