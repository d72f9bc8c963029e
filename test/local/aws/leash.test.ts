import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isAlive } from '../../../cli/process.ts';
import type { RecordedProcess } from '../../../local/aws/cloud-types.ts';
import { startDynoxide } from '../../../local/aws/dynoxide.ts';
import { findDynoxide } from '../../../local/aws/dynoxide-binary.ts';
import { eventually } from '../../support/eventually.ts';
import { table, writeAssembly } from './support/assembly.ts';
import { temporaryDirectory } from './support/temporary.ts';

const RUN = fileURLToPath(new URL('./support/run-cloud.ts', import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly processes: readonly RecordedProcess[];
  readonly nextLine: () => Promise<string>;
}

/** A run in a process group of its own, as a shell starts one. */
async function startRun(dir: string): Promise<Run> {
  const assembly = writeAssembly(join(dir, 'cdk.out'), [{ resources: { T: table() } }]);
  const child = spawn(process.execPath, [RUN, assembly, join(dir, 'aws')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => String((await lines.next()).value);
  const { processes } = JSON.parse(await nextLine()) as Run;
  return { child, processes, nextLine };
}

describe('the DynamoDB emulator', () => {
  it('ends with its run when that is killed by -9, and so does its leash', async () => {
    using dir = temporaryDirectory();
    const { child, processes } = await startRun(dir.path);
    expect(processes.map(({ name }) => name)).toEqual(['dynoxide', 'dynoxide leash']);
    expect(processes.every(isAlive)).toBe(true);
    child.kill('SIGKILL');
    await eventually(() => !processes.some(isAlive));
  });

  it('lives through Ctrl-C in the terminal until the run stops in order', async () => {
    using dir = temporaryDirectory();
    const { child, processes, nextLine } = await startRun(dir.path);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await nextLine()).toBe('interrupted');
    expect(processes.every(isAlive)).toBe(true);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(processes.some(isAlive)).toBe(false);
  });

  it('ends when it is closed though its leash was killed', async () => {
    using dir = temporaryDirectory();
    const dynoxide = await startDynoxide(dir.path);
    const [server, leash] = dynoxide.processes;
    if (leash !== undefined) process.kill(leash.pid, 'SIGKILL');
    await dynoxide.ended;
    await dynoxide.close();
    await eventually(() => server !== undefined && !isAlive(server));
  });
});

describe('finding the DynamoDB emulator', () => {
  const program = (dir: string) => {
    const path = join(dir, 'dynoxide');
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
    return path;
  };

  it('takes the one that DYNOXIDE_BIN names before any other', () => {
    using dir = temporaryDirectory();
    const path = program(dir.path);
    expect(findDynoxide({ DYNOXIDE_BIN: path, PATH: '' })).toBe(path);
  });

  it('says what is wrong when DYNOXIDE_BIN names nothing', () => {
    expect(() => findDynoxide({ DYNOXIDE_BIN: '/nowhere/dynoxide' })).toThrow(
      /DYNOXIDE_BIN.*\/nowhere\/dynoxide.*unset/,
    );
  });

  it('falls back on the package or the PATH, or names how to install it', () => {
    using dir = temporaryDirectory();
    const path = program(dir.path);
    expect([path, expect.stringContaining('@dynoxide')]).toContainEqual(findDynoxide({ PATH: dir.path }));
    const isPackaged = process.platform === 'linux' && process.arch === 'x64';
    if (!isPackaged) expect(() => findDynoxide({ PATH: '' })).toThrow(/brew install|cargo install/);
  });
});
