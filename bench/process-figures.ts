import { readFileSync } from 'node:fs';

/** What the operating system says of a process, off /proc: Linux only. Threads are counted in. */
export interface ProcessFigures {
  readonly cpuS: number;
  readonly residentMb: number;
  readonly highestMb: number;
  /** By `performance.now()`. */
  readonly atMs: number;
}

const TICKS_PER_SECOND = 100;

/** @throws the file system's error when there is no such process */
export function figuresOf(pid: number): ProcessFigures {
  const atMs = performance.now();
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const memory = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return {
    cpuS: (user + system) / TICKS_PER_SECOND,
    residentMb: kilobytes(memory, 'VmRSS') / 1000,
    highestMb: kilobytes(memory, 'VmHWM') / 1000,
    atMs,
  };
}

/** @returns the share of one core that it took between two looks, in per cent */
export function corePercent(first: ProcessFigures, last: ProcessFigures): number {
  return (100 * (last.cpuS - first.cpuS)) / ((last.atMs - first.atMs) / 1000);
}

export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? Number.NaN);
}
