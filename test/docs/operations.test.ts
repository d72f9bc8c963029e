import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPACT_METRICS, DRAIN_METRICS, HEARTBEAT_METRICS } from '../../shared/metrics.ts';
import { codedRows, PROJECT, readPage } from './page.ts';

const page = readPage('docs/operations.md');

/** Calls that log, and documents that are log lines themselves; the event's name comes first in either. */
const LOGGED = /(?:\.(?:info|warn|error)\(|#fault\(|\bevent:)\s*'([a-z]+(?:[.-][a-z]+)*)'/g;

function eventsOf(layer: string): Set<string> {
  const directory = join(PROJECT, layer);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const texts = files.map((name) => readFileSync(join(directory, name), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(LOGGED)].map(([, event = '']) => event)));
}

describe('docs/operations.md', () => {
  it('explains every event that bridge and functions log, and none that nobody logs', () => {
    const logged = [...eventsOf('bridge'), ...eventsOf('functions')];
    const explained = codedRows(page).map(([event]) => event);
    expect(logged.length).toBeGreaterThan(50);
    expect(explained.toSorted()).toEqual(logged.toSorted());
  });

  it('names every custom metric', () => {
    for (const { name } of [...HEARTBEAT_METRICS, ...DRAIN_METRICS, ...COMPACT_METRICS])
      expect(page).toContain(name);
  });
});
