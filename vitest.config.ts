import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A deadline and no measure: on two busy cores a command of the command line may take seconds.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most of the time goes in waits for sockets and timers, so more files than cores run side by side.
    maxWorkers: 4,
  },
});
