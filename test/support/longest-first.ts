import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that wait the longest, for whole runs and for processes. Late in the queue they would be the whole end of it. */
const LONGEST = [
  'test/local/run/local.test.ts',
  'test/journeys/drain.test.ts',
  'test/journeys/alarms.test.ts',
  'test/cli/slotwise.test.ts',
  'test/cli/prove.test.ts',
  'test/functions/compact/deaths.test.ts',
  'test/bridge/bridge.test.ts',
  'test/journeys/permissions.test.ts',
  'test/functions/drain/crash.test.ts',
];

/** Vitest knows how long a file takes once it has run; in a fresh checkout it goes by size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(path));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
