import process from 'node:process';
import { maskAccount } from '../shared/account.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One JSON line per entry: a stable event name, then fields. */
export interface Log {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** A line as it is: an embedded metric document. */
  write(document: Fields): void;
}

/**
 * Writes to standard output itself: Lambda wraps what goes through `console` into an envelope of its own, in which
 * CloudWatch finds no embedded metric.
 */
export function createLog(
  name: string,
  write: (line: string) => unknown = (line) => process.stdout.write(line),
): Log {
  const entry = (level: string, event: string, fields: Fields = {}) =>
    write(
      `${maskAccounts(JSON.stringify({ timestamp: new Date().toISOString(), level, function: name, event, ...fields }))}\n`,
    );
  return {
    info: (event, fields) => void entry('INFO', event, fields),
    warn: (event, fields) => void entry('WARN', event, fields),
    error: (event, fields) => void entry('ERROR', event, fields),
    write: (document) => void write(`${JSON.stringify(document)}\n`),
  };
}

/** IB account numbers as they occur in texts of others, such as an excerpt of a broken body: U1234567, DU1234567. */
const ACCOUNT = /\b(?:DU|DF|[UFI])\d{5,9}\b/g;

function maskAccounts(text: string): string {
  return text.replace(ACCOUNT, maskAccount);
}

/** @returns name and message of whatever was thrown, on one line of at most 300 characters, accounts masked */
export function describeFault(thrown: unknown): string {
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return maskAccounts(text.replaceAll(/\s+/g, ' ')).slice(0, 300);
}
