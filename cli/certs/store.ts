import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bridgeIdSchema } from '../../shared/snapshot.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import { certifyBridge, createAuthority, type PemPair } from './x509.ts';

/**
 * Where certificates and keys are kept:
 * `<dir>/ca/{certificate,key}.pem` and `<dir>/bridges/<id>/{certificate,key}.pem`, directories 0700, keys 0600. A
 * bridge's directory is all that has to travel to its machine; `ca/key.pem` never does.
 */
export interface PemFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that was made now, or found. */
export interface Kept {
  readonly files: PemFiles;
  readonly certificate: X509Certificate;
}

/** @throws CommandFailure where there is one already: an authority's key is never written over */
export async function initAuthority(dir: string, now: Date): Promise<Kept> {
  const place = join(dir, 'ca');
  const refusal = new CommandFailure(
    EXIT.usage,
    `${place} holds a certificate authority already: \`slotwise certs issue <bridge>\` uses it; to begin anew move the directory away, every bridge then needs a certificate of the new one`,
  );
  if (existsSync(place)) throw refusal;
  return keepNew(place, await createAuthority(now), refusal);
}

/** @throws CommandFailure without an authority that is valid, or where the bridge has a certificate already */
export async function issueBridge(dir: string, bridge: string, now: Date): Promise<Kept> {
  const place = bridgePlace(dir, bridge);
  const refusal = new CommandFailure(
    EXIT.usage,
    `${place} holds a certificate already: \`slotwise certs renew ${bridge}\` gives it more time`,
  );
  const authority = readAuthority(dir, now);
  if (existsSync(place)) throw refusal;
  return keepNew(place, await certifyBridge(authority, bridge, { now }), refusal);
}

/**
 * A new certificate for the same key, so that it takes the place of the old one in a single step: whoever reads the
 * two files meanwhile has a pair that fits. An expired certificate can be renewed.
 * @returns the certificate that was there as well
 * @throws CommandFailure where there is none, or where it is not this bridge's or not of this authority
 */
export async function renewBridge(
  dir: string,
  bridge: string,
  now: Date,
): Promise<Kept & { readonly before: X509Certificate }> {
  const { files, certificate: before } = readBridge(dir, bridge);
  const authority = readAuthority(dir, now);
  const keyPem = readText(files.key);
  if (!before.verify(new X509Certificate(authority.certificatePem).publicKey)) {
    throw new CommandFailure(
      EXIT.usage,
      `${files.certificate} is not of the authority in ${join(dir, 'ca')}: move it away and \`slotwise certs issue ${bridge}\``,
    );
  }
  const { certificatePem } = await certifyBridge(authority, bridge, { now, keyPem });
  const beside = `${files.certificate}.${randomUUID()}`;
  writeFileSync(beside, certificatePem, { flag: 'wx', mode: 0o644, flush: true });
  renameSync(beside, files.certificate);
  return { files, certificate: new X509Certificate(certificatePem), before };
}

/** @throws CommandFailure where there is none, or where it is another bridge's or does not fit its key */
export function readBridge(dir: string, bridge: string): Kept {
  const place = bridgePlace(dir, bridge);
  const files = filesIn(place);
  if (!existsSync(files.certificate)) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${place} holds no certificate: make one with \`slotwise certs issue ${bridge}\``,
    );
  }
  const certificate = readCertificate(files.certificate);
  if (certificate.subject !== `CN=${bridge}`) {
    throw new CommandFailure(
      EXIT.usage,
      `${files.certificate} is of ${certificate.subject}, not of the bridge "${bridge}": AWS would refuse it, move it away and \`slotwise certs issue ${bridge}\``,
    );
  }
  checkKey(certificate, files);
  return { files, certificate };
}

function readAuthority(dir: string, now: Date): PemPair {
  const files = filesIn(join(dir, 'ca'));
  if (!existsSync(files.certificate) || !existsSync(files.key)) {
    throw new CommandFailure(
      EXIT.noTarget,
      `${join(dir, 'ca')} holds no certificate authority with its key: make one with \`slotwise certs init\`, or name its directory with --certs-dir`,
    );
  }
  const certificate = readCertificate(files.certificate);
  checkKey(certificate, files);
  if (certificate.validToDate <= now) {
    throw new CommandFailure(
      EXIT.usage,
      `${files.certificate} expired on ${certificate.validToDate.toISOString().slice(0, 10)}: move ${dir} away, \`slotwise certs init\`, deploy, and issue every bridge a certificate`,
    );
  }
  return { certificatePem: readText(files.certificate), keyPem: readText(files.key) };
}

/** The rename that puts both files in place at once fails where another command was first. */
function keepNew(place: string, pair: PemPair, refusal: CommandFailure): Kept {
  const files = filesIn(place);
  const beside = `${place}.${randomUUID()}`;
  mkdirSync(beside, { recursive: true, mode: 0o700 });
  try {
    const written = filesIn(beside);
    writeFileSync(written.key, pair.keyPem, { flag: 'wx', mode: 0o600, flush: true });
    writeFileSync(written.certificate, pair.certificatePem, { flag: 'wx', mode: 0o644, flush: true });
    renameSync(beside, place);
  } catch (cause) {
    rmSync(beside, { recursive: true, force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw code === 'ENOTEMPTY' || code === 'EEXIST' ? refusal : cause;
  }
  return { files, certificate: new X509Certificate(pair.certificatePem) };
}

function bridgePlace(dir: string, bridge: string): string {
  const id = bridgeIdSchema.safeParse(bridge);
  if (!id.success) {
    const [issue] = id.error.issues;
    throw new CommandFailure(EXIT.usage, `"${bridge}" is no bridge id: it ${issue?.message ?? 'is wrong'}`);
  }
  return join(dir, 'bridges', id.data);
}

function filesIn(place: string): PemFiles {
  return { certificate: join(place, 'certificate.pem'), key: join(place, 'key.pem') };
}

function readCertificate(file: string): X509Certificate {
  const text = readText(file);
  try {
    return new X509Certificate(text);
  } catch (cause) {
    const remedy = 'bring it back from a backup, or move its directory away';
    throw new CommandFailure(EXIT.usage, `${file} is no certificate: ${remedy}`, { cause });
  }
}

function checkKey(certificate: X509Certificate, { key }: PemFiles): void {
  const text = readText(key);
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(text));
  } catch {
    fits = false;
  }
  if (!fits) {
    throw new CommandFailure(
      EXIT.usage,
      `${key} is not the key of the certificate beside it: bring both back from a backup, or move their directory away`,
    );
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandFailure(EXIT.usage, `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
