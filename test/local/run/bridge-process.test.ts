import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../../cli/process.ts';
import { lastTrouble, readTail } from '../../../local/run/bridge-log.ts';
import { BridgeProcess } from '../../../local/run/bridge-process.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slotwise-bridge-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A process that keeps the agreement between runner and bridge, or breaks it. */
function spawn(script: string) {
  const main = join(root, 'main.mjs');
  writeFileSync(main, script);
  const logFile = join(root, 'bridge.log');
  return { logFile, bridge: BridgeProcess.spawn({ main, logFile, environment: process.env }) };
}

const LISTENS = `process.send({ type: 'listening', statusUrl: 'http://127.0.0.1:4711' });`;
const STOPS = `process.on('message', ({ type }) => { if (type === 'stop') process.disconnect(); });`;

describe('BridgeProcess', () => {
  it('tells where the bridge listens and ends it in order', async () => {
    const { bridge, logFile } = spawn(`${LISTENS} ${STOPS} console.log('up');`);
    expect(await bridge.listening).toBe('http://127.0.0.1:4711');
    expect(bridge.identity !== undefined && isAlive(bridge.identity)).toBe(true);
    bridge.requestStop();
    expect(await bridge.ended).toEqual({ code: 0, signal: null });
    expect(readFileSync(logFile, 'utf8')).toContain('up');
  });

  it('tells that it ended before it listened', async () => {
    const { bridge } = spawn('process.exit(3)');
    await expect(bridge.listening).rejects.toThrow('it ended before it was ready');
    expect(await bridge.ended).toEqual({ code: 3, signal: null });
  });

  it('kills one that does not listen to reason', async () => {
    const { bridge } = spawn(`${LISTENS} setInterval(() => {}, 1000);`);
    await bridge.listening;
    bridge.requestStop();
    bridge.kill();
    expect(await bridge.ended).toEqual({ code: null, signal: 'SIGKILL' });
    bridge.requestStop();
  });
});

describe('lastTrouble', () => {
  const entry = (level: number, event: string, fields = {}) =>
    JSON.stringify({ level, time: 't', bridge: 'home', event, ...fields });

  it('is the last warning or error of the log, with its fields', () => {
    const text = [
      entry(50, 'old'),
      entry(50, 'config.invalid', { key: 'SLOTWISE_GATEWAY_PORT', remedy: 'give\na number', at: [1] }),
      entry(30, 'bridge.stopped'),
    ].join('\n');
    expect(lastTrouble(`${text}\n`)).toBe(
      'config.invalid · key: SLOTWISE_GATEWAY_PORT · remedy: give a number · at: [1]',
    );
  });

  it('is what Node prints of an exception that nobody caught', () => {
    const text = `${entry(30, 'bridge.started')}\nfile.ts:1\n\nTypeError: x is not a function\n    at y\n\nNode.js v24\n`;
    expect(lastTrouble(text)).toBe('TypeError: x is not a function');
  });

  it('is nothing where nothing went wrong', () => {
    expect(lastTrouble(entry(30, 'bridge.started'))).toBeUndefined();
    expect(lastTrouble(readTail(join(root, 'no-such.log')))).toBeUndefined();
  });
});

describe('readTail', () => {
  it('reads whole lines off the end of a long file', () => {
    const file = join(root, 'long.log');
    const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}`);
    writeFileSync(file, lines.join('\n'));
    const tail = readTail(file).split('\n');
    expect(tail.length).toBeLessThan(3000);
    expect(lines.slice(-tail.length)).toEqual(tail);
  });
});
