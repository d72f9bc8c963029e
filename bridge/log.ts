import { pino } from 'pino';

/** One JSON line per entry: a stable event name, then fields. Transitions, never ticks; accounts masked. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * Standard output, without its faults: a bridge whose log is on a full disk, or whose log nobody reads any more, goes
 * on and loses lines. An error that nobody listens to would end the process.
 */
export function standardOutput(): NodeJS.WritableStream {
  process.stdout.on('error', () => {});
  return process.stdout;
}

export function createLog(options: {
  readonly destination: NodeJS.WritableStream;
  readonly bridge: string;
}): Log {
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
