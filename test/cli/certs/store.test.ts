import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initAuthority, issueBridge, readBridge, renewBridge } from '../../../cli/certs/store.ts';
import { daysLeft } from '../../../cli/certs/x509.ts';
import { testDirectory } from '../../support/directory.ts';

const NOW = new Date();
const DAY_MS = 86_400_000;
const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

const later = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

describe('certificates', () => {
  it('of a bridge are of the authority, carry its id, and fit their key', async () => {
    const { ca, home } = await bothIn(testDirectory());
    expect(home.certificate.subject).toBe('CN=home');
    expect(home.certificate.checkIssued(ca.certificate)).toBe(true);
    expect(home.certificate.verify(ca.certificate.publicKey)).toBe(true);
    expect(home.certificate.checkPrivateKey(createPrivateKey(readFileSync(home.files.key)))).toBe(true);
    expect(ca.certificate.verify(ca.certificate.publicKey)).toBe(true);
  });

  it('say what IAM Roles Anywhere asks of them', async () => {
    const { ca, home } = await bothIn(testDirectory());
    expect([ca.certificate.ca, home.certificate.ca]).toEqual([true, false]);
    // The object id of client authentication; of the authority there is none.
    expect([ca.certificate.keyUsage, home.certificate.keyUsage]).toEqual([undefined, ['1.3.6.1.5.5.7.3.2']]);
    for (const { certificate } of [ca, home]) {
      expect(certificate.signatureAlgorithm).toBe('ecdsa-with-SHA256');
      expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    }
    // Key usage, critical: certificate signing (bit 5) and digital signature (bit 0). Path length 0.
    expect(ca.certificate.raw.includes(Buffer.from('0603551d0f0101ff040403020204', 'hex'))).toBe(true);
    expect(home.certificate.raw.includes(Buffer.from('0603551d0f0101ff040403020780', 'hex'))).toBe(true);
    expect(ca.certificate.raw.includes(Buffer.from('0603551d130101ff040830060101ff020100', 'hex'))).toBe(
      true,
    );
  });

  it.skipIf(!HAS_OPENSSL)('are a chain to OpenSSL', async () => {
    const { ca, home } = await bothIn(testDirectory());
    const { stdout } = spawnSync(
      'openssl',
      [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslclient',
        '-CAfile',
        ca.files.certificate,
        home.files.certificate,
      ],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe(`${home.files.certificate}: OK\n`);
  });

  it('never share a serial number', async () => {
    const dir = testDirectory();
    const { ca, home } = await bothIn(dir);
    const renewed = await renewBridge(dir, 'home', NOW);
    const numbers = [ca, home, renewed].map(({ certificate }) => certificate.serialNumber);
    expect(new Set(numbers).size).toBe(3);
    for (const number of numbers) expect(number).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('last ten years and one year, never longer than the authority', async () => {
    const dir = testDirectory();
    const { ca, home } = await bothIn(dir);
    expect(daysLeft(ca.certificate.validToDate, NOW)).toBeGreaterThanOrEqual(3652);
    expect(daysLeft(home.certificate.validToDate, NOW)).toBeGreaterThanOrEqual(364);
    expect(daysLeft(home.certificate.validToDate, NOW)).toBeLessThanOrEqual(365);
    const late = await issueBridge(dir, 'late', later(3600));
    expect(late.certificate.validToDate).toEqual(ca.certificate.validToDate);
    await expect(issueBridge(dir, 'too-late', later(3654))).rejects.toThrow(/ca\/certificate.pem expired on/);
  });

  it('lie in directories that nobody else can enter, keys readable by their owner alone', async () => {
    const dir = join(testDirectory(), 'certs');
    const { ca, home } = await bothIn(dir);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    for (const { key } of [ca.files, home.files]) expect(mode(key)).toBe('600');
    for (const each of ['', 'ca', 'bridges', 'bridges/home']) expect(mode(join(dir, each)), each).toBe('700');
    expect(readdirSync(join(dir, 'bridges', 'home')).sort()).toEqual(['certificate.pem', 'key.pem']);
  });
});

describe('what is there already', () => {
  it('is never written over by init or issue', async () => {
    const dir = testDirectory();
    const { ca, home } = await bothIn(dir);
    const before = [ca, home].flatMap(({ files }) => [
      readFileSync(files.key),
      readFileSync(files.certificate),
    ]);
    await expect(initAuthority(dir, NOW)).rejects.toThrow(/authority already.*certs issue/);
    await expect(issueBridge(dir, 'home', NOW)).rejects.toThrow(/certificate already.*certs renew home/);
    const after = [ca, home].flatMap(({ files }) => [
      readFileSync(files.key),
      readFileSync(files.certificate),
    ]);
    expect(after).toEqual(before);
  });

  it('is never written over by a second init at the same moment', async () => {
    const dir = testDirectory();
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => initAuthority(dir, NOW)));
    const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(made).toHaveLength(1);
    expect(readFileSync(join(dir, 'ca', 'certificate.pem'), 'utf8')).toBe(made[0]?.certificate.toString());
    expect(readdirSync(dir)).toEqual(['ca']);
  });

  it('is left alone where only half of it is there', async () => {
    const dir = testDirectory();
    mkdirSync(join(dir, 'ca'));
    writeFileSync(join(dir, 'ca', 'key.pem'), 'precious');
    await expect(initAuthority(dir, NOW)).rejects.toThrow(/authority already/);
    await expect(issueBridge(dir, 'home', NOW)).rejects.toThrow(/no certificate authority with its key/);
    expect(readFileSync(join(dir, 'ca', 'key.pem'), 'utf8')).toBe('precious');
  });
});

describe('a renewal', () => {
  it('gives an expired certificate another year and keeps its key', async () => {
    const dir = testDirectory();
    const { ca, home } = await bothIn(dir);
    const key = readFileSync(home.files.key);
    const then = later(400);
    const { certificate, before } = await renewBridge(dir, 'home', then);
    expect(daysLeft(before.validToDate, then)).toBe(-36);
    expect(daysLeft(certificate.validToDate, then)).toBeGreaterThanOrEqual(364);
    expect(certificate.verify(ca.certificate.publicKey)).toBe(true);
    expect(readFileSync(home.files.key)).toEqual(key);
    const stored = readBridge(dir, 'home');
    expect(stored.certificate.serialNumber).toBe(certificate.serialNumber);
    expect(readdirSync(join(dir, 'bridges', 'home')).sort()).toEqual(['certificate.pem', 'key.pem']);
  });

  it('is refused for a certificate of another bridge', async () => {
    const dir = testDirectory();
    await bothIn(dir);
    cpSync(join(dir, 'bridges', 'home'), join(dir, 'bridges', 'cloud'), { recursive: true });
    await expect(renewBridge(dir, 'cloud', NOW)).rejects.toThrow(/is of CN=home, not of the bridge "cloud"/);
  });

  it('is refused for a certificate of another authority', async () => {
    const [dir, other] = [testDirectory(), testDirectory()];
    await bothIn(dir);
    await initAuthority(other, NOW);
    cpSync(join(dir, 'bridges'), join(other, 'bridges'), { recursive: true });
    await expect(renewBridge(other, 'home', NOW)).rejects.toThrow(/is not of the authority/);
  });

  it('is refused where key and certificate do not fit', async () => {
    const dir = testDirectory();
    const { home } = await bothIn(dir);
    const { files } = await issueBridge(dir, 'cloud', NOW);
    writeFileSync(home.files.key, readFileSync(files.key));
    await expect(renewBridge(dir, 'home', NOW)).rejects.toThrow(
      /is not the key of the certificate beside it/,
    );
  });
});

it.each(['Home', '../ca', 'a b', ''])('the bridge id %j makes no file', async (bridge) => {
  const dir = testDirectory();
  await initAuthority(dir, NOW);
  await expect(issueBridge(dir, bridge, NOW)).rejects.toThrow(/is no bridge id: it must be lower-case/);
  expect(readdirSync(dir)).toEqual(['ca']);
});

async function bothIn(dir: string) {
  const ca = await initAuthority(dir, NOW);
  const home = await issueBridge(dir, 'home', NOW);
  expect(home.certificate).toBeInstanceOf(X509Certificate);
  return { ca, home };
}
