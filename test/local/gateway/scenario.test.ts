import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventName } from '@stoqey/ib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DocumentError } from '../../../local/gateway/document.ts';
import { startGateway } from '../../../local/gateway/gateway.ts';
import { readScenario, scenarioSchema } from '../../../local/gateway/scenario.ts';
import { ScenarioRun } from '../../../local/gateway/scenario-run.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from './support/api-client.ts';
import { smallPortfolio, TODAY } from './support/small-portfolio.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slotwise-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function faultsOf(document: unknown): Promise<readonly string[]> {
  const path = join(directory, 'scenario.json');
  await writeFile(path, JSON.stringify(document));
  return readScenario(path).then(
    () => [],
    (error: DocumentError) => error.faults,
  );
}

describe('a scenario file', () => {
  it('is refused with everything that is wrong in it, each by its place', async () => {
    const faults = await faultsOf({
      steps: [
        { fault: { kind: 'fragmented', bytes: 0 } },
        { after: 'lunch', fault: { kind: 'unset-greeks' } },
        { fault: { kind: 'drop' }, forMs: 10 },
        { fault: { kind: 'thunder' } },
      ],
    });
    expect(faults).toEqual([
      expect.stringMatching(/^steps\[0\]\.fault\.bytes /),
      expect.stringMatching(/^steps\[1\]\.after /),
      'steps[2].forMs does not apply: this fault happens at once',
      expect.stringMatching(/^steps\[3\]\.fault\.kind /),
    ]);
  });

  it('has its defaults filled in', async () => {
    const path = join(directory, 'plain.json');
    await writeFile(path, JSON.stringify({ steps: [{ fault: { kind: 'link-lost' } }] }));
    expect(await readScenario(path)).toEqual({
      name: '',
      steps: [
        {
          after: 'start',
          nth: 1,
          atMs: 0,
          fault: { kind: 'link-lost', code: 1100, restore: 1102, ticks: 'resume' },
        },
      ],
    });
  });
});

describe('a scenario that runs', () => {
  it('injects each fault after what it waits for, and knows which of them did something', async () => {
    await using gateway = await startGateway({ portfolio: smallPortfolio(), today: TODAY });
    const run = new ScenarioRun({
      gateway,
      scenario: scenarioSchema.parse({
        steps: [
          { fault: { kind: 'notice', code: 2108 } },
          { after: 'ready', atMs: 20, fault: { kind: 'notice', code: 2107 } },
          { after: 'ready', nth: 2, fault: { kind: 'drop', how: 'end' } },
          { after: 'positions', fault: { kind: 'positions', answer: 'empty', times: 1 } },
          { after: 'line', fault: { kind: 'competing-session' } },
          { fault: { kind: 'expiry', account: 'DU1234567', conId: 1 } },
        ],
      }),
    });
    run.start();
    await eventually(() => run.report()[0]?.injectedAt !== undefined);
    using client = await connectClient(gateway.port, 1);
    await client.waitFor(EventName.info, (_, code) => code === 2107);
    client.api.reqPositions();
    await client.waitFor(EventName.positionEnd);
    client.api.reqPositions();
    await eventually(() => client.all(EventName.positionEnd).length === 2);
    expect(run.report().map(({ isExercised }) => isExercised)).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
    ]);
    using _ = await connectClient(gateway.port, 2);
    await client.waitFor(EventName.disconnected);
    const [, , drop, , line, expiry] = run.report();
    expect(drop).toMatchObject({ isExercised: true, injectedAt: expect.any(Number) });
    expect(line).toEqual({ step: expect.objectContaining({ after: 'line' }), isExercised: false });
    expect(expiry).toMatchObject({ isExercised: false, failure: 'no such position: 1' });
    run.stop();
  });
});
