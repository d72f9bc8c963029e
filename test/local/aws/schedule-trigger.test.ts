import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAssembly } from '../../../local/aws/assembly.ts';
import { nextDueMs, parseCron } from '../../../local/aws/cron.ts';
import { planFunctions, planStores } from '../../../local/aws/plan.ts';
import { CloudTemplate } from '../../../local/aws/template.ts';
import { arnOf, lambda, type TestStack, writeAssembly } from './support/assembly.ts';
import { type TestCloud, testCloud } from './support/cloud.ts';
import { temporaryDirectory } from './support/temporary.ts';

const HANDLER = `export const handler = async (event) => {
  if (event.pass === 'broken') throw new Error('no good');
  return { seen: event.pass };
};`;

function rule(input: object, properties: object = {}): object {
  const Targets = [{ Arn: arnOf('Fn'), Id: 'Target0', Input: JSON.stringify(input) }];
  return {
    Type: 'AWS::Events::Rule',
    Properties: { ScheduleExpression: 'cron(7 * * * ? *)', State: 'ENABLED', Targets, ...properties },
  };
}

function permission(ruleId: string): object {
  return {
    Type: 'AWS::Lambda::Permission',
    Properties: {
      Action: 'lambda:InvokeFunction',
      FunctionName: arnOf('Fn'),
      Principal: 'events.amazonaws.com',
      SourceArn: arnOf(ruleId),
    },
  };
}

const STACK: TestStack = {
  resources: {
    Fn: lambda('a'),
    Hourly: rule({ pass: 'hourly' }),
    Broken: rule({ pass: 'broken' }),
    MayHourly: permission('Hourly'),
    MayBroken: permission('Broken'),
  },
  assets: { a: { 'index.mjs': HANDLER } },
};

describe('a schedule', () => {
  let test: TestCloud;

  beforeAll(async () => {
    test = await testCloud(STACK);
  });
  afterAll(() => test[Symbol.asyncDispose]());

  it('hands the function its own input, when it is fired', async () => {
    expect(await test.cloud.fire('Hourly')).toEqual({ seen: 'hourly' });
    expect(test.cloud.functions()['Test-Fn']).toMatchObject({ invocations: 1, errors: 0 });
  });

  it('says what the function threw, and which schedules there are not', async () => {
    await expect(test.cloud.fire('Broken')).rejects.toThrow('no good');
    await expect(test.cloud.fire('Yearly')).rejects.toThrow('no schedule Yearly');
  });

  it.each([
    [{ Hourly: rule({}, { ScheduleExpression: 'rate(5 minutes)' }) }, /once an hour or a day/],
    [{ Hourly: rule({}, { ScheduleExpression: 'cron(61 * * * ? *)' }) }, /once an hour or a day/],
    [{ Hourly: rule({}, { State: 'DISABLED' }) }, /switched off/],
    [{ MayHourly: permission('Broken') }, /no AWS::Lambda::Permission lets the rule invoke Test-Fn/],
  ])('that AWS or this run would not fire stops the run: %#', (changed, fault) => {
    using dir = temporaryDirectory();
    const stack = { ...STACK, resources: { ...STACK.resources, ...changed } };
    const template = new CloudTemplate(readAssembly(writeAssembly(dir.path, [stack])), {
      region: 'us-east-1',
      sqsOrigin: 'http://127.0.0.1:9',
      streamArn: () => undefined,
    });
    expect(() => planFunctions(template, planStores(template))).toThrow(fault);
  });
});

describe('the clock of a schedule', () => {
  it.each([
    ['cron(7 * * * ? *)', '2026-11-20T10:06:59.999Z', '2026-11-20T10:07:00.000Z'],
    ['cron(7 * * * ? *)', '2026-11-20T10:07:00.000Z', '2026-11-20T11:07:00.000Z'],
    ['cron(7 * * * ? *)', '2026-12-31T23:30:00.000Z', '2027-01-01T00:07:00.000Z'],
    ['cron(37 1 * * ? *)', '2026-11-20T01:36:00.000Z', '2026-11-20T01:37:00.000Z'],
    ['cron(37 1 * * ? *)', '2026-11-20T01:37:00.000Z', '2026-11-21T01:37:00.000Z'],
    ['cron(0 0 * * ? *)', '2026-11-20T00:00:00.001Z', '2026-11-21T00:00:00.000Z'],
  ])('%s after %s strikes at %s', (expression, after, due) => {
    const cron = parseCron(expression);
    if (cron === undefined) throw new Error('it is understood');
    expect(new Date(nextDueMs(cron, Date.parse(after))).toISOString()).toBe(due);
  });
});
