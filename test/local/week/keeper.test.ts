import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BridgeProcess } from '../../../local/run/bridge-process.ts';
import { Keeper } from '../../../local/week/keeper.ts';
import { diskAt } from '../../../local/week/small-disk.ts';
import { testDirectory } from '../../support/directory.ts';
import { eventually } from '../../support/eventually.ts';

const LISTENS = `process.send({ type: 'listening', statusUrl: 'http://127.0.0.1:4711' });`;
const STOPS = `process.on('message', ({ type }) => { if (type === 'stop') process.exit(0); });`;

function keep(script: string) {
  const directory = testDirectory();
  const main = join(directory, 'main.mjs');
  const logFile = join(directory, 'bridge.log');
  writeFileSync(main, script);
  const keeper = new Keeper({
    spawn: () =>
      BridgeProcess.spawn({ main, logFile, environment: { ...process.env, DIRECTORY: directory } }),
    restartMs: 1,
    onPresence: () => {},
  });
  onTestFinished(() => keeper[Symbol.asyncDispose]());
  keeper.start();
  return { keeper, directory, logFile };
}

describe('the keeper of the bridge', () => {
  it('starts a bridge again that it has killed, and knows that it was itself', async () => {
    const { keeper } = keep(`${LISTENS} ${STOPS}`);
    await eventually(() => keeper.isAlive);
    const victim = keeper.kill();
    await eventually(() => keeper.lives.length === 2 && keeper.isAlive);
    expect(victim).toMatchObject({ isKilled: true, end: { code: null, signal: 'SIGKILL' } });
    expect(keeper.lives[1]?.isKilled).toBeUndefined();
  });

  it('starts one again that ended by itself, and does not call that a kill', async () => {
    const { keeper } = keep('process.exitCode = 1;');
    await eventually(() => keeper.lives.length > 2);
    expect(keeper.lives[0]).toMatchObject({ end: { code: 1, signal: null } });
    expect(keeper.lives[0]?.isKilled).toBeUndefined();
  });

  it('stops the one that runs in order, and starts none after it', async () => {
    const { keeper } = keep(`${STOPS} ${LISTENS}`);
    await eventually(() => keeper.isAlive);
    expect(await keeper.stop(10_000)).toEqual({ code: 0, signal: null });
    expect(keeper.isAlive).toBe(false);
    expect(keeper.lives).toHaveLength(1);
  });
});

describe('a disk where nothing can be mounted', () => {
  const WRITES = `
    import { appendFileSync, writeFileSync } from 'node:fs';
    const file = process.env.DIRECTORY + '/big';
    setInterval(() => {
      try {
        writeFileSync(file, Buffer.alloc(1024 * 1024));
        appendFileSync(1, 'written\\n');
      } catch (cause) {
        appendFileSync(1, cause.code + '\\n');
      }
    }, 10);`;

  it('lets no file of the bridge grow while it is full, its log apart, and all of them afterwards', async () => {
    const { keeper, directory, logFile } = keep(WRITES);
    const log = () => readFileSync(logFile, 'utf8').trimEnd().split('\n');
    await eventually(() => log().includes('written'));
    const disk = diskAt(join(directory, 'state'), {
      keep: false,
      logFile,
      pid: () => keeper.lives.at(-1)?.pid,
    });
    expect(disk.isFatal).toBe(true);
    disk.fill();
    await eventually(() => log().at(-1) === 'EFBIG');
    disk.free();
    await eventually(() => log().at(-1) === 'written');
  });
});
