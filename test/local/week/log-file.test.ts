import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LogFile } from '../../../local/week/log-file.ts';
import { testDirectory } from '../../support/directory.ts';

it('follows a log that others write, whatever is in it beside entries', () => {
  const path = join(testDirectory(), 'bridge.log');
  const log = new LogFile(path);
  expect(log.read()).toEqual([]);
  const entry = (time: string, event: string) => JSON.stringify({ level: 40, time, event });
  const whole = `${entry('2026-11-20T15:00:00.000Z', 'first')}\nTypeError: not an entry\n`;
  const second = `${entry('2026-11-20T15:00:01.000Z', 'seçond')}\n`;
  appendFileSync(path, whole + second.slice(0, 50));
  expect(log.read().map(({ event }) => event)).toEqual(['first']);
  appendFileSync(path, second.slice(50));
  expect(log.read().map(({ event }) => event)).toEqual(['first', 'seçond']);
  expect(log.since(Date.parse('2026-11-20T15:00:00.500Z')).map(({ event }) => event)).toEqual(['seçond']);
});
