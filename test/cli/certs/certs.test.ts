import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testDirectory } from '../../support/directory.ts';
import { slotwise } from '../run-slotwise.ts';

const ANCHOR =
  'arn:aws:rolesanywhere:us-east-1:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555';
const PROFILE = 'arn:aws:rolesanywhere:us-east-1:111122223333:profile/11111111-2222-3333-4444-555555555555';
const ROLE = 'arn:aws:iam::111122223333:role/slotwise/home';

const OUTPUTS = {
  Region: 'us-east-1',
  SnapshotQueueUrl: 'https://sqs.us-east-1.amazonaws.com/111122223333/snapshots',
  SnapshotDeadLetterQueueUrl: 'https://sqs.us-east-1.amazonaws.com/111122223333/dead',
  FeedQueueUrls: JSON.stringify({ home: 'https://sqs.us-east-1.amazonaws.com/111122223333/feed-home' }),
  RegistryTable: 'registry',
  PositionsTable: 'positions',
  AuditTable: 'audit',
  LakeBucket: 'lake',
  TrustAnchorArn: ANCHOR,
  BridgeProfileArn: PROFILE,
  BridgeRoleArns: JSON.stringify({ home: ROLE }),
};

describe('slotwise certs', () => {
  it('goes from nothing to the AWS profile of a bridge', async () => {
    const cwd = testDirectory();
    const init = await slotwise(['certs', 'init'], { cwd });
    expect(init).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('slotwise-certs/ca/certificate.pem'),
    });
    expect(init.stderr).toContain('{"bridgeAccess":{"caCertificate":"slotwise-certs/ca/certificate.pem"}}');

    const early = await slotwise(['certs', 'issue', 'home'], { cwd });
    expect(early).toMatchObject({ code: 0, stdout: expect.stringContaining('--role-arn <role-arn>') });
    expect(early.stderr).toContain(
      'not known yet: region, trust-anchor-arn, profile-arn, role-arn: deploy with',
    );

    writeFileSync(join(cwd, 'slotwise.outputs.json'), JSON.stringify({ Slotwise: OUTPUTS }));
    const place = join(cwd, 'slotwise-certs/bridges/home');
    const show = await slotwise(['certs', 'show', 'home'], { cwd });
    expect(show).toMatchObject({
      code: 0,
      stdout: [
        '[profile slotwise-home]',
        'region = us-east-1',
        `credential_process = aws_signing_helper credential-process --certificate ${place}/certificate.pem --private-key ${place}/key.pem --trust-anchor-arn ${ANCHOR} --profile-arn ${PROFILE} --role-arn ${ROLE}`,
        '',
      ].join('\n'),
    });
    expect(show.stderr).not.toContain('not known');

    const renewed = await slotwise(['certs', 'renew', 'home', '--json'], { cwd });
    expect(JSON.parse(renewed.stdout)).toMatchObject({
      bridge: 'home',
      subject: 'CN=home',
      key: `${place}/key.pem`,
      daysLeftBefore: 364,
      missing: [],
    });
    expect(renewed.stdout + renewed.stderr).not.toContain('PRIVATE KEY');
  });

  it('says when the deployment does not know the bridge, and quotes a path that has blanks', async () => {
    const cwd = testDirectory();
    writeFileSync(join(cwd, 'outputs.json'), JSON.stringify({ Slotwise: OUTPUTS }));
    const options = ['--certs-dir', 'my certs', '--outputs', 'outputs.json'];
    await slotwise(['certs', 'init', '--certs-dir', 'my certs'], { cwd });
    const { code, stdout, stderr } = await slotwise(['certs', 'issue', 'cloud', ...options], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain(`--private-key "${join(cwd, 'my certs/bridges/cloud/key.pem')}" `);
    expect(stderr).toContain('the deployment knows no bridge "cloud": add it to slotwise:bridges');
  });

  it.each([
    [['issue', 'home'], 3, /no certificate authority with its key: make one with `slotwise certs init`/],
    [['renew', 'home'], 3, /make one with `slotwise certs issue home`/],
    [['issue', 'Home'], 2, /"Home" is no bridge id/],
    [['issue', 'home', '--outputs', 'nix.json'], 3, /nix.json is not there/],
  ])('%j says what to do first', async (argv, code, text) => {
    const finished = await slotwise(['certs', ...argv], { cwd: testDirectory() });
    expect(finished).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
  });
});
