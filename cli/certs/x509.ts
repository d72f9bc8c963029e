import 'reflect-metadata';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  type webcrypto,
} from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and the key of it, as their files hold them. */
export interface PemPair {
  readonly certificatePem: string;
  /** PKCS #8, not encrypted. */
  readonly keyPem: string;
}

const DAY_MS = 24 * 3_600_000;
const LIFETIME = { authorityDays: 3653, bridgeDays: 365 } as const;

/** A clock that is behind the one of this machine takes a new certificate all the same. */
const CLOCK_SKEW_MS = 5 * 60_000;

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * What IAM Roles Anywhere asks of a trust anchor: X.509v3, CA true, key usage certificate signing, SHA-256 or
 * stronger. Path length 0: what this authority certifies can certify nothing.
 * https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
 */
export async function createAuthority(now: Date): Promise<PemPair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', P256);
  const keys = { privateKey: signingKey(privateKey), publicKey: verifyingKey(publicKey) };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=slotwise CA',
    keys,
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + LIFETIME.authorityDays * DAY_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: pemOf(certificate), keyPem: pkcs8(privateKey) };
}

/**
 * What IAM Roles Anywhere asks of the certificate that a bridge signs with: CA false, key usage digital signature.
 * The common name is the bridge id, which the trust policy of the bridge's role demands. It never outlives its
 * authority.
 * @param keyPem the key to certify; without one a new key is made
 */
export async function certifyBridge(
  authority: PemPair,
  bridge: string,
  { now, keyPem }: { readonly now: Date; readonly keyPem?: string },
): Promise<PemPair> {
  const privateKey =
    keyPem === undefined ? generateKeyPairSync('ec', P256).privateKey : createPrivateKey(keyPem);
  const publicKey = verifyingKey(createPublicKey(privateKey));
  const issuer = new X509Certificate(authority.certificatePem);
  const lastMs = Math.min(now.getTime() + LIFETIME.bridgeDays * DAY_MS, issuer.notAfter.getTime());
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${bridge}`,
    issuer: issuer.subject,
    publicKey,
    signingKey: signingKey(createPrivateKey(authority.keyPem)),
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(lastMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificatePem: pemOf(certificate), keyPem: pkcs8(privateKey) };
}

/** @returns whole days that are left at `now`, negative when it has expired */
export function daysLeft(validTo: Date, now: Date): number {
  return Math.floor((validTo.getTime() - now.getTime()) / DAY_MS);
}

/** 127 random bits: positive, and at most 20 octets. https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2 */
function serialNumber(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  return octets.toString('hex');
}

function signingKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(P256, false, ['sign']);
}

function verifyingKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(P256, true, ['verify']);
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
