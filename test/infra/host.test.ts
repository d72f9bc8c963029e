import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOST_NODE } from '../../infra/constructs/node-binary.ts';
import { bridgeRelease } from '../../infra/constructs/release.ts';
import { settingsOf } from '../../infra/settings.ts';
import { readAssembly } from '../../local/aws/assembly.ts';
import { CloudTemplate } from '../../local/aws/template.ts';
import { type CloudOutputs, parseOutputs } from '../../shared/outputs.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

const project = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

let app: Synthesized;
let host: Template;
/** The stacks' outputs where the queues are those of a cloud in eu-west-1. */
let outputs: Record<string, Record<string, string>>;
let userData: string;

beforeAll(() => {
  app = synthesized({
    bridges: ['home', 'cloud'],
    overrides: { host: { bridge: 'cloud', tradingMode: 'live' } },
    runsHere: true,
  });
  const found = app.all.at(-1);
  if (found === undefined) throw new Error('a host is expected');
  host = found;
  outputs = new CloudTemplate(readAssembly(app.directory), {
    region: 'eu-west-1',
    sqsOrigin: 'https://sqs.eu-west-1.amazonaws.com',
    streamArn: (name) => `arn:aws:dynamodb:eu-west-1:000000000000:table/${name}/stream/1`,
  }).outputs();
  userData = String(resolve(only('AWS::EC2::Instance').Properties.UserData));
});

afterAll(() => app[Symbol.dispose]());

type Json = Readonly<Record<string, unknown>>;

const only = (type: string): { readonly Properties: Json; readonly [key: string]: unknown } => {
  const [resource, ...others] = Object.values(host.findResources(type));
  if (resource === undefined || others.length > 0) throw new Error(`one ${type} is expected`);
  return resource as ReturnType<typeof only>;
};

/** As CloudFormation would fill it in. */
function resolve(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', undefined]] = Object.entries(value);
  if (name === 'Fn::Base64') return resolve(argument);
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(resolve).join('');
  if (name === 'Fn::GetStackOutput') {
    const { StackName, OutputName } = argument as { StackName: string; OutputName: string };
    return outputs[StackName]?.[OutputName];
  }
  if (name === 'Ref' && argument === 'AWS::Region') return 'eu-west-1';
  return `<${JSON.stringify(argument)}>`;
}

/** What the script of the user data is told. */
function told(name: string): string {
  return new RegExp(`^${name}='(.*)'$`, 'm').exec(userData)?.[1] ?? '';
}

const statementsOf = (template: Template, type: string, where: RegExp): readonly Json[] =>
  Object.entries(template.findResources(type))
    .filter(([id]) => where.test(id))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);

describe('the host in EC2', () => {
  it('has no way in: no rule lets anything reach it', () => {
    expect(only('AWS::EC2::SecurityGroup').Properties).not.toHaveProperty('SecurityGroupIngress');
    host.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    host.resourceCountIs('AWS::EC2::NatGateway', 0);
    expect(only('AWS::EC2::Instance').Properties).not.toHaveProperty('KeyName');
  });

  it('gives its role to nobody but itself: tokens are required and go no hop further', () => {
    host.hasResourceProperties('AWS::EC2::Instance', {
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    });
  });

  it('is of arm64 and bursts for no extra money', () => {
    host.hasResourceProperties('AWS::EC2::Instance', {
      InstanceType: 't4g.small',
      CreditSpecification: { CPUCredits: 'standard' },
      ImageId: { Ref: Match.stringLikeRegexp('al2023amikerneldefaultarm64') },
    });
  });

  it('encrypts its disks, and keeps what was not sent when instance and stack are gone', () => {
    host.hasResourceProperties('AWS::EC2::Instance', {
      BlockDeviceMappings: [{ Ebs: { Encrypted: true, VolumeType: 'gp3' } }],
    });
    host.hasResource('AWS::EC2::Volume', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { Encrypted: true, VolumeType: 'gp3' },
    });
    expect(told('VOLUME')).toMatch(/State/);
  });

  it('may do what its bridge may, read two parameters, fetch its release, open sessions, attach its disk', () => {
    const ofRole = statementsOf(host, 'AWS::IAM::Policy', /^RoleDefaultPolicy/);
    const ofBridge = statementsOf(app.bridgeAccess, 'AWS::IAM::ManagedPolicy', /^Bridgecloud/);
    const actions = (statements: readonly Json[]) => statements.map(({ Sid, Action }) => [Sid, Action]);
    expect(ofBridge.length).toBeGreaterThan(3);
    expect(actions(ofRole.slice(0, ofBridge.length))).toEqual(actions(ofBridge));
    const others = [
      ...ofRole.slice(ofBridge.length),
      ...statementsOf(host, 'AWS::IAM::Policy', /^AttachState/),
    ].map(({ Sid, Action, Resource }) => ({ Sid, Action, Resource: [resolve(Resource)].flat() }));
    const at = (service: string) => new RegExp(`^arn:<"AWS::Partition">:${service}`);
    expect(others).toEqual([
      {
        Sid: 'ReadIbLogin',
        Action: 'ssm:GetParameter',
        Resource: ['ib-password', 'ib-user'].map((name) =>
          expect.stringMatching(new RegExp(`:parameter/slotwise/cloud/${name}$`)),
        ),
      },
      {
        Sid: 'FetchRelease',
        Action: 's3:GetObject',
        Resource: [expect.stringMatching(new RegExp(`/${told('RELEASE')}\\.zip$`))],
      },
      {
        Sid: 'OpenSessions',
        Action: expect.arrayContaining(['ssm:UpdateInstanceInformation']),
        Resource: ['*'],
      },
      {
        Sid: 'AttachState',
        Action: 'ec2:AttachVolume',
        Resource: [
          expect.stringMatching(at('ec2:.*:instance/')),
          expect.stringMatching(at('ec2:.*:volume/')),
        ],
      },
    ]);
    for (const name of ['USER_PARAMETER', 'PASSWORD_PARAMETER']) {
      expect(told(name)).toMatch(/^\/slotwise\/cloud\/ib-/);
    }
    expect(only('AWS::IAM::Role').Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  it("has the deployment's outputs on its disk, with the feed of its own bridge", () => {
    const deployed = parseOutputs(JSON.stringify(outputs));
    const expected: CloudOutputs = {
      ...deployed,
      region: 'eu-west-1',
      feedQueueUrls: { cloud: deployed.feedQueueUrls.cloud ?? '' },
    };
    expect(parseOutputs(told('OUTPUTS'))).toEqual(expected);
  });

  it('looks at itself at every boot, with a script that bash reads', () => {
    expect(userData).toContain('cloud_final_modules:\n- [scripts-user, always]\n');
    const script = /#!\/bin\/bash\n.*?(?=\n--\+)/s.exec(userData)?.[0] ?? '';
    expect(script).toContain('systemctl start "slotwise-bridge@$BRIDGE.service"');
    expect(() => execFileSync('bash', ['-n'], { input: script })).not.toThrow();
    const wanted = [...script.matchAll(/"\$\{(\w+):\?\}"/g)].map(([, name]) => name);
    expect(wanted.length).toBeGreaterThan(8);
    for (const name of wanted) expect(told(name ?? ''), name).not.toBe('');
    expect(Buffer.byteLength(userData)).toBeLessThan(10_000);
  });

  it('is mended by AWS where AWS can, and somebody is told', () => {
    const alarms = Object.values(host.findResources('AWS::CloudWatch::Alarm'));
    const acts = alarms.map(({ Properties }) => [
      Properties.MetricName,
      Properties.AlarmActions.map((action: unknown) => resolve(action)),
    ]);
    expect(acts).toEqual([
      [
        'StatusCheckFailed_System',
        [expect.stringMatching(/:ec2:recover$/), expect.stringContaining('Alarmed')],
      ],
      [
        'StatusCheckFailed_Instance',
        [expect.stringMatching(/:ec2:reboot$/), expect.stringContaining('Alarmed')],
      ],
    ]);
    for (const { Properties } of alarms) {
      const [, heading = ''] = /docs\/operations\.md#(\S+)$/.exec(Properties.AlarmDescription) ?? [];
      const headings = [...project('docs/operations.md').matchAll(/^#+ (.+)$/gm)];
      expect(headings.map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))).toContain(heading);
    }
  });

  it('gets a bridge that has all it imports', () => {
    using release = bridgeRelease(undefined);
    // Settings at fault are said once everything has been loaded.
    const main = join(release.path, 'bridge/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [main], { env: {}, encoding: 'utf8' });
    expect(stderr).toMatch(/^bridge: is required/m);
    expect(status).toBe(2);
    for (const file of [
      'bridge/service/slotwise-bridge@.service',
      'host/ib-gateway.service',
      'host/ib-credentials.sh',
    ]) {
      expect(existsSync(join(release.path, file)), file).toBe(true);
    }
  });

  it('runs the versions of the rest: Node of package.json, the gateway of the compose file', () => {
    expect(HOST_NODE.version).toBe(JSON.parse(project('package.json')).devDependencies.node);
    const image = /ghcr\.io\/gnzsnz\/ib-gateway:\S+/;
    const unit = project('infra/host/ib-gateway.service');
    expect(image.exec(unit)?.[0]).toBe(image.exec(project('bridge/service/compose.yaml'))?.[0]);
    const published = [...unit.matchAll(/--publish (\S+)/g)].map(([, port]) => port);
    expect(published).toEqual(['127.0.0.1:4001:4003', '127.0.0.1:4002:4004']);
    expect(told('GATEWAY_PORT')).toBe('4001');
  });
});

describe('the choice of a host', () => {
  const chosen = (host: Json) => () => settingsOf({ bridges: ['home'], overrides: { host } });

  it('is nobody’s unless the settings say so', () => {
    expect(settingsOf({ bridges: ['home'] }).host).toBeUndefined();
    expect(chosen({ bridge: 'home' })().host).toEqual({
      bridge: 'home',
      tradingMode: 'paper',
      instanceType: 't4g.small',
    });
  });

  it('is refused for a bridge that is not there, and for machines of another architecture', () => {
    expect(chosen({ bridge: 'cloud' })).toThrow('host.bridge must be one of "slotwise:bridges": home');
    expect(chosen({ bridge: 'home', instanceType: 't3.small' })).toThrow(/host\.instanceType: .*arm64/);
  });
});
