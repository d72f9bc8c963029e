import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { gatewayCommand } from '../../local/gateway/command.ts';
import { faultSchema } from '../../local/gateway/faults.ts';
import { startGateway } from '../../local/gateway/gateway.ts';
import { portfolioSchema } from '../../local/gateway/portfolio.ts';
import { scenarioSchema } from '../../local/gateway/scenario.ts';
import { connectClient } from '../local/gateway/support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { Edge } from './support/edge.ts';

const page = await readFile('docs/gateway.md', 'utf8');

function example(name: string): unknown {
  const found = new RegExp(`^\`\`\`json ${name}\n(.*?)^\`\`\`$`, 'ms').exec(page);
  if (found?.[1] === undefined) throw new Error(`docs/gateway.md has no example of a ${name}`);
  return JSON.parse(found[1]);
}

describe.concurrent('the page about the simulated gateway', () => {
  it('has a scenario whose every step happens, and which the bridge survives', async () => {
    await using edge = await Edge.start({ scenario: scenarioSchema.parse(example('scenario')) });
    const { run } = edge;
    if (run === undefined) throw new Error('no scenario runs');
    await eventually(() => run.report().every(({ isExercised }) => isExercised), {
      what: 'every step of the documented scenario exercised',
    });
    await edge.streaming();
    await edge.swept();
    await edge.agree();
    expect(await edge.closed()).toEqual([]);
  });

  it('has a portfolio that can be served', async () => {
    await using gateway = await startGateway({ portfolio: portfolioSchema.parse(example('portfolio')) });
    using client = await connectClient(gateway.port);
    client.api.reqMktData(1, { conId: 750_000_001, exchange: 'SMART' }, '', false, false);
    await eventually(() => gateway.stats().ticks > 5);
    expect(gateway.stats().positions).toBe(1);
  });

  it('names every option and every fault', () => {
    const options = gatewayCommand().options.map(({ flags }) => flags);
    const kinds = faultSchema.options.map(({ shape }) => shape.kind.value);
    expect(options.filter((flags) => !page.includes(`\`${flags}\``))).toEqual([]);
    expect(kinds.filter((kind) => !page.includes(`\n| \`${kind}\` `))).toEqual([]);
  });
});
