import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initAuthority, issueBridge } from '../../cli/certs/store.ts';
import { readAuthorityCertificate } from '../../infra/authority-certificate.ts';
import { readAssembly } from '../../local/aws/assembly.ts';
import { planPermissions } from '../../local/aws/permissions.ts';
import { planFunctions, planStores } from '../../local/aws/plan.ts';
import { CloudTemplate } from '../../local/aws/template.ts';
import { parseOutputs } from '../../shared/outputs.ts';
import { temporaryDirectory } from '../local/aws/support/temporary.ts';
import { testDirectory } from '../support/directory.ts';
import { type Synthesized, synthesized } from '../support/synthesized.ts';

const NOW = new Date();
let app: Synthesized;
let pem: string;

beforeAll(async () => {
  using directory = temporaryDirectory();
  const { files } = await initAuthority(directory.path, NOW);
  pem = readFileSync(files.certificate, 'utf8');
  app = synthesized({
    bridges: ['home', 'cloud'],
    overrides: { bridgeAccess: { caCertificate: files.certificate, sourceIps: ['203.0.113.7/32'] } },
  });
});

afterAll(() => app[Symbol.dispose]());

describe('a bridge outside AWS', () => {
  it('opens its role with a certificate of this authority that carries its id, and with no other', () => {
    for (const bridge of ['home', 'cloud']) {
      const [id] = rolesOf(bridge);
      const bound = {
        Effect: 'Allow',
        Principal: { Service: 'rolesanywhere.amazonaws.com' },
        Condition: {
          StringEquals: { 'aws:PrincipalTag/x509Subject/CN': bridge },
          ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [anchorId(), 'TrustAnchorArn'] } },
        },
      };
      expect(app.bridgeAccess.findResources('AWS::IAM::Role')[id ?? '']?.Properties).toMatchObject({
        MaxSessionDuration: 3600,
        ManagedPolicyArns: [{ Ref: expect.stringContaining(`Bridge${bridge}Policy`) }],
        AssumeRolePolicyDocument: {
          Statement: [
            { ...bound, Action: 'sts:AssumeRole' },
            { ...bound, Action: ['sts:SetSourceIdentity', 'sts:TagSession'] },
          ],
        },
      });
    }
  });

  it('is trusted by the certificate alone, for an hour at a time', () => {
    app.bridgeAccess.hasResourceProperties('AWS::RolesAnywhere::TrustAnchor', {
      Enabled: true,
      Source: { SourceType: 'CERTIFICATE_BUNDLE', SourceData: { X509CertificateData: pem } },
    });
    const arns = ['home', 'cloud'].map((bridge) => ({ 'Fn::GetAtt': [rolesOf(bridge)[0], 'Arn'] }));
    app.bridgeAccess.hasResourceProperties('AWS::RolesAnywhere::Profile', {
      Enabled: true,
      DurationSeconds: 3600,
      RoleArns: arns,
    });
    expect(JSON.stringify(app.bridgeAccess.toJSON())).not.toContain('PRIVATE KEY');
  });

  it('without a certificate is a user that is refused everywhere but at home, and has no key', () => {
    app.bridgeAccess.resourceCountIs('AWS::IAM::User', 2);
    app.bridgeAccess.resourceCountIs('AWS::IAM::AccessKey', 0);
    const policies = Object.values(app.bridgeAccess.findResources('AWS::IAM::Policy'));
    const denials = policies.filter(({ Properties }) => Properties.Users !== undefined);
    expect(denials).toHaveLength(2);
    for (const { Properties } of denials) {
      expect(Properties.PolicyDocument.Statement).toEqual([
        {
          Sid: 'OnlyFromHome',
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: {
            NotIpAddress: { 'aws:SourceIp': ['203.0.113.7/32'] },
            Bool: { 'aws:ViaAWSService': 'false' },
          },
        },
      ]);
    }
  });

  it('has no identity unless the settings say so', () => {
    using plain = synthesized({ bridges: ['home'], overrides: {} });
    for (const type of ['AWS::RolesAnywhere::TrustAnchor', 'AWS::RolesAnywhere::Profile', 'AWS::IAM::User']) {
      plain.bridgeAccess.resourceCountIs(type, 0);
    }
    expect(plain.bridgeAccess.findOutputs('TrustAnchorArn')).toEqual({});
  });

  it('changes neither the outputs that a local run needs nor what a bridge may do there', () => {
    const template = new CloudTemplate(readAssembly(app.directory), {
      region: 'us-east-1',
      sqsOrigin: 'http://127.0.0.1:9',
      streamArn: (name) => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}/stream/1`,
    });
    const { bridgeAccess } = parseOutputs(JSON.stringify(template.outputs()));
    expect(Object.keys(bridgeAccess?.roleArns ?? {})).toEqual(['home', 'cloud']);
    expect(bridgeAccess?.trustAnchorArn).toMatch(/:trust-anchor\//);
    expect(bridgeAccess?.profileArn).toMatch(/:profile\//);
    const stores = planStores(template);
    const { identities } = planPermissions(template, planFunctions(template, stores), stores);
    expect([...identities.keys()].filter((name) => name.startsWith('bridge-')).sort()).toEqual([
      'bridge-cloud',
      'bridge-home',
    ]);
    expect(identities.get('bridge-home')?.map(({ statements }) => statements.length)).toEqual([5]);
  });
});

describe('the certificate that cdk.json names', () => {
  it('is refused with the remedy when it is no authority’s, expired, secret or nothing at all', async () => {
    const dir = testDirectory();
    const long = new Date(NOW.getTime() - 4000 * 86_400_000);
    const { files: ca } = await initAuthority(dir, NOW);
    const { files: home } = await issueBridge(dir, 'home', NOW);
    const { files: old } = await initAuthority(testDirectory(), long);
    const file = join(dir, 'x.pem');
    const refused = (text: string) => {
      writeFileSync(file, text);
      return () => readAuthorityCertificate(file, NOW);
    };
    expect(() => readAuthorityCertificate(join(dir, 'nix.pem'), NOW)).toThrow(
      /slotwise:settings.*bridgeAccess.caCertificate: .*nix.pem cannot be read \(ENOENT\): make one with/,
    );
    expect(() => readAuthorityCertificate(home.certificate, NOW)).toThrow(/CN=home, which is no authority/);
    expect(() => readAuthorityCertificate(old.certificate, NOW)).toThrow(/expired on \d{4}-/);
    expect(() => readAuthorityCertificate(ca.key, NOW)).toThrow(/holds a private key/);
    expect(refused(pem + readFileSync(ca.key, 'utf8'))).toThrow(/holds a private key/);
    expect(refused(pem + pem)).toThrow(/must hold one certificate/);
    expect(refused('')).toThrow(/must hold one certificate in PEM/);
    expect(refused(pem.replace(/\n[A-Za-z0-9]{20}/, '\n'))).toThrow(/is no certificate/);
    expect(refused(`a note\n${pem}`)()).toBe(pem);
  });
});

function rolesOf(bridge: string): string[] {
  return Object.keys(app.bridgeAccess.findResources('AWS::IAM::Role')).filter((id) =>
    id.startsWith(`CertificatesRole${bridge}`),
  );
}

function anchorId(): string | undefined {
  return Object.keys(app.bridgeAccess.findResources('AWS::RolesAnywhere::TrustAnchor'))[0];
}
