import type { S3Client } from '@aws-sdk/client-s3';
import { type Drop, decodeMessage, type Ledger } from '../../shared/message.ts';
import { LAKE } from '../../shared/names.ts';
import { type DeadLetter, listObjects, readObjects } from '../dead-letters/read.ts';
import type { Acknowledgement } from './evidence.ts';

/** What bridges have declared: see functions/drain/declarations.ts for the keys. */
export interface Declarations {
  readonly ledgers: readonly Ledger[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly drops: readonly Drop[];
}

const LEDGER_KEY = new RegExp(
  `^(?<series>${LAKE.ledger}dt=\\d{4}-\\d{2}-\\d{2}/(?<bridge>[a-z0-9-]+)/ledger-(?<epoch>\\d{13}-[0-9a-z]+))-` +
    '(?<last>\\d{16})-\\d{16}-\\d{16}-(?<acknowledged>\\d{16})-[0-9a-f]{64}\\.json$',
);
const DROP_KEY = new RegExp(`^${LAKE.ledger}dt=[^/]+/[a-z0-9-]+/drop-[^/]+\\.json$`);

/**
 * Ledgers are cumulative: only the newest of each epoch and day is opened, of the others the key says enough, and that
 * they were stored says that the queue had taken what they name by then.
 * @param letters dead letters may hold declarations too
 */
export async function readDeclarations(
  s3: S3Client,
  options: {
    readonly bucket: string;
    readonly letters: readonly DeadLetter[];
    readonly signal?: AbortSignal;
  },
): Promise<Declarations> {
  const { bucket, letters, signal } = options;
  const listed = await listObjects(s3, { bucket, prefix: LAKE.ledger, signal });
  const acknowledgements: Acknowledgement[] = [];
  const newest = new Map<string, string>();
  const drops: string[] = [];
  for (const { key, modifiedMs } of listed) {
    if (DROP_KEY.test(key)) drops.push(key);
    const parts = LEDGER_KEY.exec(key)?.groups;
    if (parts === undefined) continue;
    const { series = '', bridge = '', epoch = '', acknowledged } = parts;
    acknowledgements.push({ bridge, epoch, acknowledged: Number(acknowledged), atMs: modifiedMs });
    if (key > (newest.get(series) ?? '')) newest.set(series, key);
  }
  const texts = await readObjects(s3, bucket, [...newest.values(), ...drops], signal);
  const messages = [...texts.map(([, text]) => text), ...letters.map(({ body }) => body)].flatMap((body) => {
    const decoded = decodeMessage(body);
    return decoded.ok ? [decoded.message] : [];
  });
  const ledgers = messages.filter((message) => message.kind === 'ledger');
  for (const { bridge, epoch, acknowledged = 0, at } of ledgers) {
    acknowledgements.push({ bridge, epoch, acknowledged, atMs: Date.parse(at) });
  }
  return {
    ledgers: newestOfEach(ledgers),
    acknowledgements,
    drops: messages.filter((message) => message.kind === 'drop'),
  };
}

function newestOfEach(ledgers: readonly Ledger[]): Ledger[] {
  const newest = new Map<string, Ledger>();
  for (const ledger of ledgers) {
    const key = `${ledger.bridge}:${ledger.epoch}:${ledger.day}`;
    const present = newest.get(key);
    const isNewer =
      present === undefined ||
      ledger.last > present.last ||
      (ledger.last === present.last && (ledger.acknowledged ?? 0) > (present.acknowledged ?? 0));
    if (isNewer) newest.set(key, ledger);
  }
  return [...newest.values()];
}
