import { readFileSync } from 'node:fs';
import { MultipartBody, MultipartUserData, UserData } from 'aws-cdk-lib/aws-ec2';

/** What infra/host/boot.sh wants to know. */
export interface HostBoot {
  readonly bridge: string;
  readonly tradingMode: 'paper' | 'live';
  readonly region: string;
  /** Of the state. */
  readonly volumeId: string;
  /** Changes with what is at the URL. */
  readonly release: string;
  readonly releaseUrl: string;
  /** As `cdk deploy --outputs-file` writes it. */
  readonly outputs: string;
  readonly userParameter: string;
  readonly passwordParameter: string;
}

/** Relays of the gateway's container: https://github.com/gnzsnz/ib-gateway-docker#ports */
const GATEWAY_PORTS = { live: 4001, paper: 4002 } as const;

/** cloud-init runs user data at the first boot alone: https://repost.aws/knowledge-center/execute-user-data-ec2 */
const AT_EVERY_BOOT = '#cloud-config\ncloud_final_modules:\n- [scripts-user, always]\n';

const script = readFileSync(new URL('../host/boot.sh', import.meta.url), 'utf8');

/**
 * User data that runs boot.sh at every start of the instance. CloudFormation stops and starts an instance whose user
 * data changes, so that a deployment is an upgrade.
 */
export function hostUserData(boot: HostBoot): UserData {
  const variables = {
    BRIDGE: boot.bridge,
    TRADING_MODE: boot.tradingMode,
    GATEWAY_PORT: String(GATEWAY_PORTS[boot.tradingMode]),
    AWS_DEFAULT_REGION: boot.region,
    VOLUME: boot.volumeId,
    RELEASE: boot.release,
    RELEASE_URL: boot.releaseUrl,
    OUTPUTS: boot.outputs,
    USER_PARAMETER: boot.userParameter,
    PASSWORD_PARAMETER: boot.passwordParameter,
  };
  const [interpreter, ...lines] = script.split('\n');
  const assignments = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  const data = new MultipartUserData();
  const part = (content: string, type: string) =>
    data.addPart(MultipartBody.fromUserData(UserData.custom(content), `text/${type}; charset="utf-8"`));
  part(AT_EVERY_BOOT, 'cloud-config');
  part([interpreter, ...assignments, ...lines].join('\n'), 'x-shellscript');
  return data;
}
