import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import type { AwsProfile } from '../certs/profile.ts';
import type { Kept } from '../certs/store.ts';
import { withJson } from '../options.ts';
import { note, print, printJson } from '../output/print.ts';
import { findOutputs } from '../target.ts';

interface CertsOptions {
  readonly certsDir: string;
  readonly outputs?: string;
  readonly json?: boolean;
}

const DEFAULT_DIR = 'slotwise-certs';

/** `slotwise certs`: the trader's own certificate authority, by which a bridge at home gets AWS credentials. */
export function certsCommand(): Command {
  const certs = new Command('certs')
    .description('make the certificates by which a bridge outside AWS gets credentials')
    .addHelpText('after', HELP);
  withDir(certs.command('init'))
    .description('make your own certificate authority; its key stays in the directory')
    .action(init);
  withOutputs(withDir(certs.command('issue <bridge>')))
    .description('make a key and a certificate for a bridge, valid for a year')
    .action(issue);
  withOutputs(withDir(certs.command('renew <bridge>')))
    .description('give a bridge a new certificate for its key, also when the old one has expired')
    .action(renew);
  withOutputs(withDir(certs.command('show <bridge>')))
    .description('show how long a bridge’s certificate is valid, and its AWS profile')
    .action(show);
  return certs;
}

const HELP = `
The authority's certificate goes into the stacks (cdk.json, slotwise:settings, bridgeAccess.caCertificate). A bridge's
directory goes to the bridge's machine, together with the AWS profile that is printed; it needs aws_signing_helper there:
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/credential-helper.html
Nothing is ever written over but the certificate that is renewed.

Examples:
  $ slotwise certs init
  $ slotwise certs issue home >> ~/.aws/config
  $ slotwise certs renew home`;

function withDir(command: Command): Command {
  return withJson(command).option('--certs-dir <dir>', 'where certificates and keys are kept', DEFAULT_DIR);
}

function withOutputs(command: Command): Command {
  return command.addOption(
    new Option(
      '--outputs <file>',
      `outputs file of a deployment (default: ${LOCAL_RUN.outputsFile}, or SLOTWISE_OUTPUTS)`,
    ),
  );
}

async function init({ certsDir, json }: CertsOptions): Promise<void> {
  const { initAuthority } = await import('../certs/store.ts');
  const kept = await initAuthority(resolve(certsDir), new Date());
  if (json) return printJson(document(kept));
  print(`${kept.files.certificate}: valid until ${day(kept.certificate.validToDate)}`);
  note(`its key, ${kept.files.key}, stays on this machine: nobody else ever needs it`);
  note(`name the certificate in cdk.json, slotwise:settings: ${setting(certsDir)}`);
}

/** As the user wrote the directory: relative to cdk.json where both are in the working directory. */
function setting(certsDir: string): string {
  return JSON.stringify({ bridgeAccess: { caCertificate: `${certsDir}/ca/certificate.pem` } });
}

async function issue(bridge: string, options: CertsOptions): Promise<void> {
  const { issueBridge } = await import('../certs/store.ts');
  // An outputs file that cannot be read is said before anything is made.
  const finish = await toFinish(bridge, options);
  finish(await issueBridge(resolve(options.certsDir), bridge, new Date()));
}

async function renew(bridge: string, options: CertsOptions): Promise<void> {
  const { renewBridge } = await import('../certs/store.ts');
  const { daysLeft } = await import('../certs/x509.ts');
  const finish = await toFinish(bridge, options);
  const now = new Date();
  const kept = await renewBridge(resolve(options.certsDir), bridge, now);
  const daysBefore = daysLeft(kept.before.validToDate, now);
  note(
    daysBefore < 0
      ? `the old one expired on ${day(kept.before.validToDate)}`
      : `${daysBefore} days were left`,
  );
  finish(kept, { daysLeftBefore: daysBefore });
}

async function show(bridge: string, options: CertsOptions): Promise<void> {
  const { readBridge } = await import('../certs/store.ts');
  const finish = await toFinish(bridge, options);
  finish(readBridge(resolve(options.certsDir), bridge));
}

type Finish = (kept: Kept, more?: Readonly<Record<string, unknown>>) => void;

/** The profile is the answer; what else there is to know is said about it. */
async function toFinish(bridge: string, options: CertsOptions): Promise<Finish> {
  const [{ awsProfile }, { daysLeft }] = await Promise.all([
    import('../certs/profile.ts'),
    import('../certs/x509.ts'),
  ]);
  const outputs = findOutputs(options, { cwd: process.cwd(), env: process.env });
  return (kept, more = {}) => {
    const profile = awsProfile(bridge, kept.files, outputs);
    const left = daysLeft(kept.certificate.validToDate, new Date());
    if (options.json) {
      const { text, missing } = profile;
      printJson({ bridge, ...document(kept), daysLeft: left, ...more, profile: text, missing });
    } else {
      const until = day(kept.certificate.validToDate);
      note(
        left < 0
          ? `${kept.files.certificate}: expired on ${until}`
          : `${kept.files.certificate}: valid until ${until}, ${left} days`,
      );
      print(profile.text);
    }
    if (outputs !== undefined && outputs.feedQueueUrls[bridge] === undefined) {
      note(`the deployment knows no bridge "${bridge}": add it to slotwise:bridges in cdk.json and deploy`);
    } else noteMissing(profile);
  };
}

function noteMissing({ missing }: AwsProfile): void {
  if (missing.length === 0) return;
  note(
    `not known yet: ${missing.join(', ')}: deploy with bridgeAccess.caCertificate in cdk.json and --outputs-file ${LOCAL_RUN.outputsFile}, then \`slotwise certs show\``,
  );
}

function document({ files, certificate }: Kept): Record<string, unknown> {
  return {
    certificate: files.certificate,
    key: files.key,
    subject: certificate.subject,
    serialNumber: certificate.serialNumber,
    validUntil: certificate.validToDate.toISOString(),
  };
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}
