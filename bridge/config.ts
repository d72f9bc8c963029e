import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { type CloudOutputs, parseOutputs } from '../shared/outputs.ts';
import { environmentName, readEnvironment, suggestion } from './settings-environment.ts';
import { type BareSettings, type Fault, relationFaults, settingsSchema } from './settings-schema.ts';

/** All that the bridge is told. Paths are absolute. */
export interface Settings extends BareSettings {
  /** What the outputs file says. */
  readonly cloud: CloudOutputs;
  readonly feedQueueUrl: string;
}

/** Everything that is wrong with the settings, at once. */
export class SettingsFault extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults.map(describe).join('\n'));
    this.name = 'SettingsFault';
    this.faults = faults;
  }
}

/**
 * Reads the settings from a JSON file (`file`, else `SLOTWISE_CONFIG`, else none) and from `SLOTWISE_*`; the
 * environment wins. Relative paths start at the file, those of the environment and defaults at `directory`.
 * Touches nothing but the settings file and the outputs file.
 * @throws SettingsFault naming key, value and remedy of every fault
 */
export function loadSettings(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: string;
  readonly directory?: string;
}): Settings {
  const { env, directory = process.cwd() } = options;
  const named = options.file ?? (env.SLOTWISE_CONFIG || undefined);
  const file = named === undefined ? undefined : path.resolve(directory, named);
  const fromFile = file === undefined ? { values: {}, faults: [] } : readSettingsFile(file);
  const fromEnvironment = readEnvironment(env);
  const faults: Fault[] = [...fromFile.faults, ...fromEnvironment.faults];

  const merged = merge(fromFile.values, fromEnvironment.values);
  const parsed = settingsSchema.safeParse(merged);
  const issues = parsed.success ? [] : parsed.error.issues;
  faults.push(...issues.flatMap((issue) => faultsOf(issue, merged)));

  const isInEnvironment = (key: string) => fromEnvironment.keys.has(key);
  const isInFile = (key: string) => !isInEnvironment(key) && valueAt(merged, [key]) !== undefined;
  const baseOf = (key: string) => (file !== undefined && isInFile(key) ? path.dirname(file) : directory);
  const checked = withPaths(parsed.success ? parsed.data : readable(merged, issues), baseOf);
  const isAtFault = (key: string) => issues.some((issue) => issue.path[0] === key.split('.')[0]);
  faults.push(...[...relationFaults(checked), ...pathFaults(checked)].filter(({ key }) => !isAtFault(key)));
  const cloud = isAtFault('outputs') ? undefined : readOutputs(checked, isAtFault('bridge'), faults);
  if (faults.length > 0 || cloud === undefined) {
    throw new SettingsFault(faults.map((fault) => located(fault, isInEnvironment)));
  }
  return { ...checked, ...cloud };
}

/** What is left without the values at fault, so that the faults of the rest show at the same time. */
function readable(merged: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): BareSettings {
  const sections = new Set(issues.map(({ path: [section] }) => section));
  const sound = Object.entries(merged).filter(
    ([section]) => !sections.has(section) && Object.hasOwn(settingsSchema.shape, section),
  );
  return settingsSchema.parse({ bridge: 'unknown', stateDir: '.', ...Object.fromEntries(sound) });
}

function readSettingsFile(file: string): { values: Record<string, unknown>; faults: Fault[] } {
  const fault = (remedy: string) => ({
    values: {},
    faults: [{ key: 'SLOTWISE_CONFIG', value: file, remedy }],
  });
  try {
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isRecord(json)) return { values: json, faults: [] };
    return fault('the settings file must hold one JSON object');
  } catch (cause) {
    return fault(`the settings file cannot be read: ${(cause as Error).message}`);
  }
}

function readOutputs(
  { outputs, bridge }: BareSettings,
  isBridgeUnknown: boolean,
  faults: Fault[],
): Pick<Settings, 'cloud' | 'feedQueueUrl'> | undefined {
  const fault = (remedy: string) => void faults.push({ key: 'outputs', value: outputs, remedy });
  let text: string;
  try {
    text = readFileSync(outputs, 'utf8');
  } catch (cause) {
    fault(
      `cannot be read (${(cause as Error).message}): write it with cdk deploy --all --outputs-file ${outputs}`,
    );
    return undefined;
  }
  try {
    const cloud = parseOutputs(text);
    if (isBridgeUnknown) return undefined;
    const feedQueueUrl = cloud.feedQueueUrls[bridge];
    if (feedQueueUrl !== undefined) return { cloud, feedQueueUrl };
    const others = Object.keys(cloud.feedQueueUrls);
    fault(
      `has no feed queue for bridge "${bridge}"${suggestion(bridge, others)} (it has ${others.join(', ') || 'none'}): ` +
        'add it to the list of bridges in cdk.json and deploy',
    );
  } catch (cause) {
    fault(`${(cause as Error).message}: deploy again and let cdk write it`);
  }
  return undefined;
}

function withPaths(settings: BareSettings, baseOf: (key: string) => string): BareSettings {
  return {
    ...settings,
    stateDir: path.resolve(baseOf('stateDir'), settings.stateDir),
    outputs: path.resolve(baseOf('outputs'), settings.outputs),
    handlers: settings.handlers.map((module) => path.resolve(baseOf('handlers'), module)),
  };
}

function pathFaults({ stateDir, handlers }: BareSettings): Fault[] {
  const faults: Fault[] = handlers
    .filter((module) => !existsSync(module))
    .map((module) => ({ key: 'handlers', value: module, remedy: 'there is no such module: check the path' }));
  if (statSync(stateDir, { throwIfNoEntry: false })?.isDirectory() === false) {
    faults.push({
      key: 'stateDir',
      value: stateDir,
      remedy: 'is a file: name a directory of this bridge alone',
    });
  }
  return faults;
}

function faultsOf(issue: z.core.$ZodIssue, input: unknown): Fault[] {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((unknown) => ({
      key: key === '' ? unknown : `${key}.${unknown}`,
      remedy: `no such setting${suggestion(unknown, known)}`,
    }));
  }
  const value = valueAt(input, issue.path);
  if (value === undefined) {
    return [
      { key, remedy: `is required: set "${key}" in the settings file, or ${environmentName(issue.path)}` },
    ];
  }
  return [{ key, value, remedy: issue.message }];
}

/** @returns the names that the schema has where an unknown one was found */
function knownKeys(at: readonly PropertyKey[]): string[] {
  const [section] = at;
  const shape: Readonly<Record<string, z.ZodType>> = settingsSchema.shape;
  if (section === undefined) return Object.keys(shape);
  if (at.length > 1) return ['symbol', 'secType', 'exchange', 'currency'];
  const inner = (shape[String(section)] as { unwrap?: () => { shape?: object } } | undefined)?.unwrap?.();
  return Object.keys(inner?.shape ?? {});
}

/** Says where to look: the environment's name, where the value came from there. */
function located(fault: Fault, isInEnvironment: (key: string) => boolean): Fault {
  const parts = fault.key.split('.');
  const key = [parts.slice(0, 2).join('.'), parts[0] ?? ''].find(isInEnvironment);
  return key === undefined ? fault : { ...fault, key: `${environmentName(key.split('.'))} (${fault.key})` };
}

function describe({ key, value, remedy }: Fault): string {
  return value === undefined ? `${key}: ${remedy}` : `${key} = ${JSON.stringify(value)}: ${remedy}`;
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const present = merged[key];
    merged[key] = isRecord(present) && isRecord(value) ? merge(present, value) : value;
  }
  return merged;
}

function valueAt(input: unknown, at: readonly PropertyKey[]): unknown {
  return at.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
