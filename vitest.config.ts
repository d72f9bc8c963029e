import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Most of the time goes in waits for sockets and timers, so more files than cores run side by side.
    maxWorkers: 4,
  },
});
