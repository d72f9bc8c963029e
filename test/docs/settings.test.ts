import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { environmentName } from '../../bridge/settings-environment.ts';
import { settingsSchema } from '../../bridge/settings-schema.ts';
import { codedRows, readPage } from './page.ts';

/** What the page needs of JSON Schema. */
interface Node {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
}

interface Row {
  readonly setting: string;
  readonly environment: string;
  readonly standard: string;
  readonly allowed: string;
}

const schema = z.toJSONSchema(settingsSchema, { io: 'input' }) as Node;

function leavesOf(node: Node, path: readonly string[]): { path: readonly string[]; node: Node }[] {
  if (node.properties === undefined) return [{ path, node }];
  return Object.entries(node.properties).flatMap(([key, child]) => leavesOf(child, [...path, key]));
}

const leaves = leavesOf(schema, []);

function rowOf({ path, node }: { readonly path: readonly string[]; readonly node: Node }): Row {
  return {
    setting: path.join('.'),
    environment: `\`${environmentName(path)}\``,
    standard: defaultOf(node),
    allowed: allowedOf(node),
  };
}

function defaultOf({ default: value }: Node): string {
  if (value === undefined) return 'required';
  if (!Array.isArray(value)) return `\`${String(value)}\``;
  if (value.length === 0) return 'empty';
  return value.map((one) => (one as { readonly symbol: string }).symbol).join(', ');
}

function allowedOf(node: Node): string {
  if (node.enum) return node.enum.map((word) => `\`${word}\``).join(', ');
  if (node.type === 'integer') return `${node.minimum} to ${node.maximum}`;
  if (node.type !== 'array') return 'text';
  const items = node.items?.type === 'object' ? 'list of contracts' : 'list';
  return node.maxItems === undefined ? items : `${items}, at most ${node.maxItems}`;
}

const written = codedRows(readPage('docs/settings.md'));

describe('docs/settings.md', () => {
  it('lists every setting with the name, default and range that the schema gives it', () => {
    const rows = written.map(([setting, environment, standard, allowed]) => ({
      setting,
      environment,
      standard,
      allowed,
    }));
    expect(rows).toEqual(leaves.map(rowOf));
  });

  it('says of every setting what it is for, in the words of the schema where it has any', () => {
    const purposes = new Map(written.map(([setting = '', , , , purpose = '']) => [setting, purpose]));
    for (const { path, node } of leaves) {
      const purpose = purposes.get(path.join('.')) ?? '';
      expect(purpose, path.join('.')).not.toBe('');
      if (node.description !== undefined) expect(purpose).toContain(node.description);
    }
  });
});
