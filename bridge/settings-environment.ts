import { z } from 'zod';
import { type Fault, settingsSchema } from './settings-schema.ts';

const PREFIX = 'SLOTWISE_';

/** Names with the prefix that others read: where the settings file is, and what the command line knows. */
const OTHERS: ReadonlySet<string> = new Set(['SLOTWISE_CONFIG', 'SLOTWISE_DIR', 'SLOTWISE_DEBUG']);

type LeafKind = 'text' | 'number' | 'list';

interface Leaf {
  readonly path: readonly string[];
  readonly kind: LeafKind;
}

/** `SLOTWISE_SWEEP_PERIOD_MS` -> the setting `sweep.periodMs`: one name for each setting, made from the schema. */
const LEAVES: ReadonlyMap<string, Leaf> = new Map(
  leavesOf(settingsSchema, []).map((leaf) => [environmentName(leaf.path), leaf]),
);

/** @param path for example ['sweep', 'periodMs'] @returns `SLOTWISE_SWEEP_PERIOD_MS` */
export function environmentName(path: readonly PropertyKey[]): string {
  const words = path.map((part) => String(part).replace(/([a-z])([A-Z])/g, '$1_$2'));
  return `${PREFIX}${words.join('_').toUpperCase()}`;
}

export interface FromEnvironment {
  /** Shaped like the settings; text that should have been a number stays text, the schema says so. */
  readonly values: Record<string, unknown>;
  /** Dotted keys of the settings that the environment gives. */
  readonly keys: ReadonlySet<string>;
  readonly faults: readonly Fault[];
}

/** Reads `SLOTWISE_*`. An empty value is none. Lists are comma-separated or JSON. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): FromEnvironment {
  const values: Record<string, unknown> = {};
  const keys = new Set<string>();
  const faults: Fault[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || OTHERS.has(name) || text === undefined || text === '') continue;
    const leaf = LEAVES.get(name);
    if (leaf === undefined) {
      // Its value is not shown: who knows what was meant to be in it.
      faults.push({ key: name, remedy: `no such setting${suggestion(name, [...LEAVES.keys()])}` });
      continue;
    }
    const key = leaf.path.join('.');
    try {
      put(values, leaf.path, settingOf(text, leaf.kind));
      keys.add(key);
    } catch {
      faults.push({ key: name, value: text, remedy: 'must be a JSON list or words separated by commas' });
    }
  }
  return { values, keys, faults };
}

/** @returns `: did you mean "periodMs"?` where one of the known names is near, else an empty text */
export function suggestion(name: string, known: readonly string[]): string {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance);
  const [best] = ranked;
  if (best === undefined || best.distance > Math.max(2, name.length / 4)) return '';
  return `: did you mean "${best.candidate}"?`;
}

function leavesOf(schema: z.ZodType, path: readonly string[]): Leaf[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.ZodType>> = inner.shape;
    return Object.entries(shape).flatMap(([key, child]) => leavesOf(child, [...path, key]));
  }
  if (inner instanceof z.ZodArray) return [{ path, kind: 'list' }];
  return [{ path, kind: inner instanceof z.ZodNumber ? 'number' : 'text' }];
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}

/** @throws SyntaxError when what begins like JSON is none */
function settingOf(text: string, kind: LeafKind): unknown {
  if (kind === 'number') return /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
  if (kind === 'text') return text;
  if (text.trimStart().startsWith('[')) return JSON.parse(text) as unknown;
  return text.split(',').map((word) => word.trim());
}

function put(target: Record<string, unknown>, [first, ...rest]: readonly string[], value: unknown): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const child = (target[first] ?? {}) as Record<string, unknown>;
  target[first] = child;
  put(child, rest, value);
}

/** Levenshtein: insertions, deletions and replacements of one character. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
