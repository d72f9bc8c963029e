import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

const TAIL_BYTES = 16 * 1024;

/** pino's levels: https://getpino.io/#/docs/api?id=loggerlevels-object */
const LEVEL_WARN = 40;

/**
 * Why a bridge ended, by its own log: the last warning or error, or the last line that is no log entry (what Node
 * prints of an exception that nobody caught).
 * @param text log lines, the newest last
 * @returns one line; undefined when the log says nothing of the kind
 */
export function lastTrouble(text: string): string | undefined {
  for (const line of text.trimEnd().split('\n').reverse()) {
    const entry = parseEntry(line);
    if (entry === undefined) {
      if (/Error\b/.test(line)) return line.trim();
      continue;
    }
    if (typeof entry.level === 'number' && entry.level >= LEVEL_WARN) return describe(entry);
  }
  return undefined;
}

/** @returns bytes; 0 where there is no file */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * @param from an offset that lies at the start of a line: what is before it is not read
 * @returns the end of a file, cut at a line; empty when there is none
 */
export function readTail(path: string, from = 0): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - from, TAIL_BYTES)));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.toString('utf8');
    return size - from > buffer.length ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(descriptor);
  }
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function describe(entry: Record<string, unknown>): string {
  const { event, level: _level, time: _time, bridge: _bridge, ...fields } = entry;
  const rest = Object.entries(fields).map(([name, value]) =>
    typeof value === 'string' ? `${name}: ${value}` : `${name}: ${JSON.stringify(value)}`,
  );
  return [String(event), ...rest].join(' · ').replaceAll('\n', ' ');
}
