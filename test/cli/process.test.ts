import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isAlive, startTimeOf } from '../../cli/process.ts';

describe('the identity of a process', () => {
  it('is the same whenever it is asked for, and ends with the process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    const startTime = startTimeOf(pid) ?? '';
    expect(startTime).not.toBe('');
    expect(startTimeOf(pid)).toBe(startTime);
    expect(isAlive({ pid, startTime })).toBe(true);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(isAlive({ pid, startTime })).toBe(false);
    expect(startTimeOf(pid)).toBeUndefined();
  });

  it('is not that of another process with its number', () => {
    expect(isAlive({ pid: process.pid, startTime: `${startTimeOf(process.pid)}1` })).toBe(false);
  });
});
