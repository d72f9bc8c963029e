import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CONTEXT, SettingFault } from './settings.ts';

/** What IAM Roles Anywhere rejects. https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html */
const WEAK_SIGNATURE = /md5|sha1/i;

/**
 * Reads the certificate that becomes the trust anchor. Only what has no secret may enter a template.
 * @param file as cdk.json names it, made absolute
 * @returns one certificate as PEM, without whatever else was in the file
 * @throws SettingFault saying what is wrong with the file and what to do
 */
export function readAuthorityCertificate(file: string, now: Date): string {
  const text = readText(file);
  if (text.includes('PRIVATE KEY')) {
    throw fault(`${file} holds a private key: name the certificate alone`);
  }
  if (text.split('-----BEGIN CERTIFICATE-----').length !== 2) {
    throw fault(`${file} must hold one certificate in PEM: make one with \`slotwise certs init\``);
  }
  const certificate = parse(file, text);
  if (!certificate.ca) {
    throw fault(`${file} is of ${certificate.subject}, which is no authority: name ca/certificate.pem`);
  }
  if (WEAK_SIGNATURE.test(certificate.signatureAlgorithm ?? '')) {
    throw fault(`${file} is signed with ${certificate.signatureAlgorithm}, which AWS rejects: use SHA-256`);
  }
  if (certificate.validToDate <= now) {
    throw fault(`${file} expired on ${certificate.validToDate.toISOString().slice(0, 10)}: make a new one`);
  }
  return certificate.toString();
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const remedy = 'make one with `slotwise certs init`, or name its file relative to cdk.json';
    throw fault(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code}): ${remedy}`);
  }
}

function parse(file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw fault(`${file} is no certificate: make one with \`slotwise certs init\``);
  }
}

function fault(text: string): SettingFault {
  return new SettingFault(`cdk.json, context "${CONTEXT.settings}": bridgeAccess.caCertificate: ${text}`);
}
