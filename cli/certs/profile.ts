import { resolve } from 'node:path';
import type { CloudOutputs } from '../../shared/outputs.ts';
import { CommandFailure, EXIT } from '../failure.ts';
import type { PemFiles } from './store.ts';

export interface AwsProfile {
  /** A section of ~/.aws/config. */
  readonly text: string;
  /** What the outputs do not say; the text has a placeholder for each. */
  readonly missing: readonly string[];
}

/**
 * The profile by which every AWS SDK on the bridge's machine gets credentials for an hour at a time.
 * https://docs.aws.amazon.com/rolesanywhere/latest/userguide/credential-helper.html
 * @param outputs of the deployment; undefined where there is none yet
 */
export function awsProfile(bridge: string, files: PemFiles, outputs: CloudOutputs | undefined): AwsProfile {
  const access = outputs?.bridgeAccess;
  const missing: string[] = [];
  const known = (value: string | undefined, what: string) => {
    if (value !== undefined) return value;
    missing.push(what);
    return `<${what}>`;
  };
  const region = known(outputs?.region, 'region');
  const command = [
    'aws_signing_helper credential-process',
    `--certificate ${quoted(files.certificate)}`,
    `--private-key ${quoted(files.key)}`,
    `--trust-anchor-arn ${known(access?.trustAnchorArn, 'trust-anchor-arn')}`,
    `--profile-arn ${known(access?.profileArn, 'profile-arn')}`,
    `--role-arn ${known(access?.roleArns[bridge], 'role-arn')}`,
  ].join(' ');
  return {
    text: `[profile slotwise-${bridge}]\nregion = ${region}\ncredential_process = ${command}`,
    missing,
  };
}

/** The SDKs hand the line to a shell. */
function quoted(file: string): string {
  const path = resolve(file);
  if (/^[\w./:@+-]+$/.test(path)) return path;
  if (/["$`\\\n]/.test(path)) {
    throw new CommandFailure(
      EXIT.usage,
      `${path} cannot stand in an AWS profile: keep the certificates in a directory without quotes, dollars and backslashes`,
    );
  }
  return `"${path}"`;
}
