import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryStore } from '../../cli/registry/store.ts';
import { EmbeddedStores } from '../../local/aws/embedded-stores.ts';
import { keepForLater, SILENT } from '../../local/aws/stores.ts';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { createTables, TABLES } from '../support/dynamodb.ts';
import { eventually } from '../support/eventually.ts';
import { snapshot } from '../support/snapshots.ts';
import { bridgeStatus } from '../support/status.ts';
import { strategy } from '../support/strategies.ts';
import { putRawObject } from './lake/rows.ts';
import { aliveRun, outputsText } from './local-run.ts';
import { slotwise } from './run-slotwise.ts';

let cwd: string;

/** What a run leaves behind that was killed: tables, objects, a bridge's last word, and a record of dead processes. */
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'slotwise-ended-'));
  const dir = join(cwd, '.slotwise');
  const aws = join(dir, LOCAL_RUN.awsDirectory);
  const bridge = join(dir, 'bridge', 'home');
  await mkdir(aws, { recursive: true });
  await mkdir(bridge, { recursive: true });
  await using stores = await EmbeddedStores.open({ dir: aws, region: 'us-east-1', log: SILENT });
  const { dynamodb, s3 } = stores.clients('test');
  await createTables(dynamodb);
  await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
  const client = DynamoDBDocumentClient.from(dynamodb);
  await new RegistryStore({ client, table: TABLES.registry }).put(strategy());
  await putRawObject(s3, 'lake', [{ snapshot: snapshot() }]);
  keepForLater(aws, stores, {});
  await writeFile(join(dir, LOCAL_RUN.outputsFile), outputsText({ bucket: 'lake' }));
  await writeFile(join(bridge, LOCAL_RUN.statusFile), JSON.stringify(bridgeStatus({ ticks: 7 })));
  const ended = { ...aliveRun(), startTime: 'an earlier boot/1' };
  const bridges = [{ id: 'home', statusUrl: 'http://127.0.0.1:1', stateDir: 'bridge/home' }];
  await writeFile(
    join(dir, LOCAL_RUN.file),
    JSON.stringify({ ...ended, endpoints: stores.endpoints, bridges }),
  );
});

afterAll(async () => {
  await rm(cwd, { recursive: true, force: true });
});

describe('over the directory of a run that has ended', () => {
  it('the commands work as while it ran, several at once, and leave no process behind', async () => {
    const [deactivated, queried] = await Promise.all([
      slotwise(['registry', 'deactivate', 'condor'], { cwd }),
      slotwise(['query', 'select snapshot_id from snapshots', '--csv'], { cwd }),
    ]);
    expect(deactivated).toMatchObject({ code: 0, stderr: '' });
    expect(deactivated.stdout).toMatch(
      /^condor is INACTIVE: version 2, registry 2 \(local run in .* \(ended\)\)\n$/,
    );
    expect(queried).toMatchObject({ code: 0, stdout: `snapshot_id\n${snapshot().id}\n` });
    const listed = await slotwise(['registry', 'list', '--json'], { cwd });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id: 'condor', status: 'INACTIVE', version: 2 }]);
    await eventually(async () => (await processesNaming(cwd)).length === 0);
  });

  it('lines shows the last word of the bridge, and how old it is', async () => {
    const shown = await slotwise(['lines'], { cwd });
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(
      /^the bridge does not answer: as of 2026-11-20T15:00:00.000Z.*\nhome: 0 of 90/,
    );
  });

  it('dashboard says what it has nothing of, and that a deployment has its own', async () => {
    const [empty, deployed] = await Promise.all([
      slotwise(['dashboard'], { cwd }),
      slotwise(['dashboard', '--outputs', join('.slotwise', LOCAL_RUN.outputsFile)], { cwd }),
    ]);
    expect(empty).toMatchObject({ code: 3, stdout: '' });
    expect(empty.stderr).toMatch(/^slotwise: the local run in .* has no metrics: the local run ended before/);
    expect(deployed).toMatchObject({ code: 2, stdout: '' });
    expect(deployed.stderr).toContain('is in CloudWatch: this command draws local runs only');
  });
});

/** @returns command lines of processes that name the directory, this one's own aside */
async function processesNaming(dir: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((command) => command.includes(dir));
}
