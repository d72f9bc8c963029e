import { fstatSync, writeSync } from 'node:fs';
import { pino } from 'pino';

/** One JSON line per entry: a stable event name, then fields. Transitions, never ticks; accounts masked. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

export type LogDestination = Pick<NodeJS.WritableStream, 'write'>;

/**
 * Standard output, without its faults: a bridge whose log is on a full disk, or whose log nobody reads any more, goes
 * on. Node ends a stream to a file at its first error, so a file is written without one and goes on with the disk.
 */
export function standardOutput(): LogDestination {
  const { fd } = process.stdout;
  process.stdout.on('error', () => {});
  if (!fstatSync(fd).isFile()) return process.stdout;
  return {
    write: (text: string | Uint8Array) => {
      try {
        writeSync(fd, String(text));
        return true;
      } catch {
        return false;
      }
    },
  };
}

export function createLog(options: { readonly destination: LogDestination; readonly bridge: string }): Log {
  const logger = pino(
    { base: { bridge: options.bridge }, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' },
    options.destination,
  );
  return {
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  };
}
