import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { startTimeOf } from '../../../cli/process.ts';
import { ancestorsToWatch, watchProcesses } from '../../../local/run/ancestors.ts';

describe('the processes whose end is ours', () => {
  it('are the parent, and no more than that outside npm', () => {
    expect(ancestorsToWatch({})).toEqual([{ pid: process.ppid, startTime: startTimeOf(process.ppid) }]);
  });

  it('are told of once when one of them ends, kill -9 included', async () => {
    const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const gone = Promise.withResolvers<void>();
    let told = 0;
    const stop = watchProcesses([{ pid, startTime: startTimeOf(pid) ?? '' }], () => {
      told += 1;
      gone.resolve();
    });
    expect(told).toBe(0);
    child.kill('SIGKILL');
    await gone.promise;
    stop();
    expect(told).toBe(1);
  });
});
