import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A deadline and no measure: on two busy cores a command of the command line may take seconds.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Modules here keep no state that one file could leave to the next: each worker loads what it tests once.
    isolate: false,
    unstubEnvs: true,
    // Much of the time goes in waits for sockets and timers, so more files than cores run side by side.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
  },
});
