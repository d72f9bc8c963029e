import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access, Call } from '../../../local/aws/access.ts';
import { readAssembly } from '../../../local/aws/assembly.ts';
import { CONTRARY } from '../../../local/aws/context.ts';
import { evaluate } from '../../../local/aws/evaluate.ts';
import { Guard } from '../../../local/aws/guard.ts';
import { planPermissions } from '../../../local/aws/permissions.ts';
import { planFunctions, planStores } from '../../../local/aws/plan.ts';
import type { Permissions } from '../../../local/aws/policy.ts';
import { CloudTemplate } from '../../../local/aws/template.ts';
import { type Synthesized, synthesized } from '../../support/synthesized.ts';
import { lambda, role, type TestStack, writeAssembly } from './support/assembly.ts';
import { temporaryDirectory } from './support/temporary.ts';

const REGION = 'us-east-1';

function permissionsOf(assembly: string): Permissions {
  const template = new CloudTemplate(readAssembly(assembly), {
    region: REGION,
    sqsOrigin: 'http://127.0.0.1:9',
    streamArn: (name) => `arn:aws:dynamodb:${REGION}:000000000000:table/${name}/stream/1`,
  });
  const stores = planStores(template);
  return planPermissions(template, planFunctions(template, stores), stores);
}

describe('the permissions of the stacks', () => {
  let app: Synthesized;
  let permissions: Permissions;
  const guard = new Guard();
  beforeAll(() => {
    app = synthesized({ bridges: ['home', 'two-words'] });
    permissions = permissionsOf(app.directory);
    guard.permit(permissions);
  });
  afterAll(() => app[Symbol.dispose]());

  /** ARN of what has this logical id, by what the policies name. */
  const arn = (part: string): string => {
    const all = [...permissions.identities.values(), [...permissions.resources.values()]].flat();
    const resources = all.flatMap(({ statements }) => statements.flatMap(({ Resource }) => Resource));
    const found = resources.find((each) => each.includes(part) && !each.includes('/stream/'));
    if (found === undefined) throw new Error(`no policy names ${part}`);
    return found.replace(/\*$/, 'dt=2026-11-20/part.parquet');
  };
  const roleOf = (part: string) =>
    [...permissions.identities.keys()].find((name) => name.includes(part)) ?? 'nobody';
  const call = (principal: string, ...accesses: Access[]): Call => ({
    service: 'sqs',
    operation: 'Any',
    principal,
    accesses,
  });
  const ask = async (principal: string, action: string, resource: string) =>
    (await guard.denials(call(principal, { action, resource }))).map(({ text }) => text);

  it('are those of the functions and of each bridge, and of nobody else', () => {
    expect([...permissions.identities.keys()].map((name) => name.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual(
      [
        'SlotwiseFeed-FeedRole',
        'SlotwiseIngest-CompactRole',
        'SlotwiseIngest-DeadLetterRole',
        'SlotwiseIngest-DrainRole',
        'bridge-home',
        'bridge-two-words',
      ],
    );
  });

  it('let a bridge send snapshots and read its own feed, the registry and its lease', async () => {
    expect(await ask('bridge-home', 'sqs:SendMessage', arn('State-Snapshots'))).toEqual([]);
    expect(await ask('bridge-home', 'sqs:ReceiveMessage', arn('Feedhome'))).toEqual([]);
    expect(await ask('bridge-home', 'dynamodb:Query', arn('Registry'))).toEqual([]);
    expect(await ask('bridge-home', 'dynamodb:GetItem', arn('Positions'))).toEqual([]);
  });

  it.each([
    ['write the registry', 'dynamodb:PutItem', 'Registry'],
    ['read the feed of another bridge', 'sqs:ReceiveMessage', 'Feedtwowords'],
    ['read snapshots', 'sqs:ReceiveMessage', 'State-Snapshots'],
    ['read the lake', 's3:GetObject', '/raw/v1/'],
    ['write the lake', 's3:PutObject', '/raw/v1/'],
    ['read the audit', 'dynamodb:GetItem', 'Audit'],
  ])('do not let a bridge %s', async (_what, action, part) => {
    expect(await ask('bridge-home', action, arn(part))).toHaveLength(1);
  });

  it('let the drain write below raw/ and ledger/ and nowhere else', async () => {
    const drain = roleOf('DrainRole');
    expect(await ask(drain, 's3:PutObject', arn('/raw/v1/'))).toEqual([]);
    expect(await ask(drain, 's3:PutObject', arn('/ledger/v1/'))).toEqual([]);
    expect(await ask(drain, 's3:PutObject', arn('/dead/v1/'))).toHaveLength(1);
    expect(await ask(drain, 's3:DeleteObject', arn('/raw/v1/'))).toHaveLength(1);
  });

  it('name action, resource, policy and the missing statement when they refuse', async () => {
    const registry = arn('Registry');
    const [text] = await ask('bridge-home', 'dynamodb:PutItem', registry);
    expect(text).toContain('assumed-role/bridge-home/local is not authorized to perform: dynamodb:PutItem');
    expect(text).toContain(`on resource: ${registry}`);
    expect(text).toMatch(/missing in SlotwiseBridgeAccess\/Bridgehome\w+:/);
    expect(text).toContain(
      JSON.stringify({ Effect: 'Allow', Action: 'dynamodb:PutItem', Resource: registry }),
    );
  });

  it('refuse a transaction of which one part is not allowed', async () => {
    const drain = roleOf('DrainRole');
    const [put, remove] = [
      { action: 'dynamodb:PutItem', resource: arn('Positions') },
      { action: 'dynamodb:DeleteItem', resource: arn('Positions') },
    ];
    expect(await guard.denials(call(drain, put))).toEqual([]);
    expect((await guard.denials(call(drain, put, remove))).map(({ access }) => access)).toEqual([remove]);
  });

  it('refuse a caller whom the stacks do not have, and nothing to the administrator', async () => {
    expect(await ask('bridge-stranger', 'sqs:SendMessage', arn('State-Snapshots'))).toEqual([
      expect.stringContaining('the stacks have no identity "bridge-stranger"'),
    ]);
    expect(await ask('anonymous', 'sqs:SendMessage', arn('State-Snapshots'))).toHaveLength(1);
    expect(await ask('cli', 'dynamodb:DeleteTable', arn('Registry'))).toEqual([]);
  });

  it('refuse by the policy of queue or bucket what comes without TLS, or by an old one', async () => {
    const send = { principal: 'bridge-home', action: 'sqs:SendMessage', resource: arn('State-Snapshots') };
    const put = { principal: roleOf('DrainRole'), action: 's3:PutObject', resource: arn('/raw/v1/') };
    const [plain = {}, old = {}] = CONTRARY;
    for (const question of [
      { ...send, context: plain },
      { ...put, context: plain },
      { ...put, context: old },
    ]) {
      expect(await evaluate(permissions, question)).toMatchObject({
        kind: 'denied',
        policy: expect.stringMatching(/^SlotwiseState\/.*Policy/),
      });
    }
    expect(await evaluate(permissions, { ...send, context: old })).toEqual({ kind: 'allowed' });
  });

  it('cost little: an answer that was given before takes no evaluation', async () => {
    const again = call('bridge-home', { action: 'sqs:SendMessage', resource: arn('State-Snapshots') });
    await guard.denials(again);
    const startedMs = performance.now();
    for (let n = 0; n < 1000; n += 1) await guard.denials(again);
    expect((performance.now() - startedMs) / 1000).toBeLessThan(0.2);
  });
});

describe('a template whose policies cannot be checked', () => {
  const permitted = (stack: TestStack) => {
    using dir = temporaryDirectory();
    return permissionsOf(writeAssembly(dir.path, [stack]));
  };
  const assets = { a: { 'index.mjs': 'export const handler = () => {};' } };
  const withRole = (
    properties: object,
    statement: object = { Effect: 'Allow', Action: 'sqs:*', Resource: '*' },
  ) =>
    permitted({
      resources: { Fn: lambda('a'), arole: role({ RoleName: 'a-role', ...properties }, [statement]) },
      assets,
    });

  it.each([
    [
      'attaches a policy of AWS',
      () => withRole({ ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }),
      /write out what the role needs/,
    ],
    [
      'bounds a role',
      () => withRole({ PermissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess' }),
      /PermissionsBoundary/,
    ],
    [
      'says what is not meant',
      () => withRole({}, { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }),
      /NotAction/,
    ],
  ])('stops the run when it %s', (_what, read, fault) => {
    expect(read).toThrow(fault);
  });

  it('is taken with inline, attached and managed policies of its own', () => {
    const statement = (Action: string) => ({
      PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] },
    });
    const { identities } = permitted({
      resources: {
        Fn: lambda('a'),
        arole: role({ RoleName: 'a-role', ManagedPolicyArns: [{ Ref: 'Own' }] }, [
          { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' },
        ]),
        Own: { Type: 'AWS::IAM::ManagedPolicy', Properties: statement('s3:GetObject') },
        Apart: {
          Type: 'AWS::IAM::Policy',
          Properties: { PolicyName: 'apart', Roles: [{ Ref: 'arole' }], ...statement('s3:PutObject') },
        },
      },
      assets,
    });
    const actions = identities
      .get('a-role')
      ?.flatMap(({ statements }) => statements.flatMap((s) => s.Action));
    expect(actions?.sort()).toEqual(['s3:GetObject', 's3:PutObject', 'sqs:SendMessage']);
  });
});
