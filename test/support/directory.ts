import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** @returns a new directory that is gone when the test is over */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'slotwise-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
