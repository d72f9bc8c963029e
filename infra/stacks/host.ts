import { fileURLToPath } from 'node:url';
import {
  CfnOutput,
  CrossStackReferences,
  ReferenceStrength,
  RemovalPolicy,
  Size,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Ec2Action, Ec2InstanceAction, SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import {
  BlockDeviceVolume,
  CpuCredits,
  EbsDeviceVolumeType,
  HttpTokens,
  Instance,
  InstanceType,
  type ISubnet,
  type IVpc,
  MachineImage,
  SecurityGroup,
  SubnetType,
  type UserData,
  Volume,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Policy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { BridgeAccess } from '../constructs/bridge-access.ts';
import { hostUserData } from '../constructs/host-boot.ts';
import { hostNode } from '../constructs/node-binary.ts';
import { bridgeRelease } from '../constructs/release.ts';
import { PERIOD } from '../constructs/signals.ts';
import { allow } from '../constructs/statement.ts';
import type { HostSettings } from '../settings.ts';

/** https://docs.aws.amazon.com/linux/al2023/ug/ec2.html */
const IMAGE = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64';

const SCRIPTS = fileURLToPath(new URL('../host', import.meta.url));

/** The system, the gateway's image and two releases of the bridge; what has not been sent yet, 1 GiB at most. */
const SYSTEM_GIB = 16;
const STATE_GIB = 8;

export interface HostProps {
  readonly host: HostSettings;
  readonly access: BridgeAccess;
  /** By name, of all stacks that the bridge wants to know. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly topic: ITopic;
  /** Nothing is deployed: no machine code is fetched. */
  readonly runsHere: boolean;
}

interface Network {
  readonly vpc: IVpc;
  readonly subnet: ISubnet;
  readonly securityGroup: SecurityGroup;
}

/**
 * An instance for IB Gateway and one bridge, as a home server would be. Nobody reaches it from outside: people come by
 * Session Manager. What the bridge has not sent yet is on a volume that outlives instance and stack.
 */
export class HostStack extends Stack {
  constructor(scope: Construct, id: string, props: HostProps) {
    super(scope, id, { description: 'slotwise: an instance for IB Gateway and one bridge.' });
    // It can be deleted at any time, and what it refers to too.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    const { host, outputs } = props;
    const { bridge, tradingMode } = host;
    const network = this.#addNetwork();
    const volume = new Volume(this, 'State', {
      availabilityZone: network.subnet.availabilityZone,
      size: Size.gibibytes(STATE_GIB),
      volumeType: EbsDeviceVolumeType.GP3,
      encrypted: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const release = this.#addRelease(props.runsHere);
    const parameter = (name: string) => `/slotwise/${bridge}/${name}`;
    const login = { userParameter: parameter('ib-user'), passwordParameter: parameter('ib-password') };
    const role = this.#addRole(props, { release, parameters: Object.values(login) });
    const userData = hostUserData({
      bridge,
      tradingMode,
      region: this.region,
      volumeId: volume.volumeId,
      release: release.assetHash,
      releaseUrl: release.s3ObjectUrl,
      outputs: JSON.stringify({ [this.stackName]: outputs }),
      ...login,
    });
    const instance = this.#addInstance({ ...network, role, userData, type: host.instanceType });
    // Not part of the role above, which the instance waits for: the script asks until it may.
    new Policy(this, 'AttachState', {
      roles: [role],
      statements: [
        allow('AttachState', {
          actions: ['ec2:AttachVolume'],
          resources: [
            this.formatArn({ service: 'ec2', resource: 'volume', resourceName: volume.volumeId }),
            this.formatArn({ service: 'ec2', resource: 'instance', resourceName: instance.instanceId }),
          ],
        }),
      ],
    });
    this.#addAlarms(instance, props.topic);
    new CfnOutput(this, 'HostInstanceId', { value: instance.instanceId });
  }

  #addNetwork(): Network {
    // As the interface has it: CDK types an absent VPN gateway in two ways.
    const vpc = new Vpc(this, 'Network', {
      maxAzs: 1,
      natGateways: 0,
      subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
      restrictDefaultSecurityGroup: false,
    }) as IVpc;
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'One instance without an open port: there is no traffic to look into but its own.',
    });
    const [subnet] = vpc.publicSubnets;
    if (subnet === undefined) throw new RangeError('a network with a subnet is expected');
    const securityGroup = new SecurityGroup(this, 'NoWayIn', {
      vpc,
      description: 'slotwise host: nothing comes in',
    });
    return { vpc, subnet, securityGroup };
  }

  #addRole(
    { host, access }: HostProps,
    reads: { readonly release: Asset; readonly parameters: readonly string[] },
  ): Role {
    const { release, parameters } = reads;
    const role = new Role(this, 'Role', {
      description: `slotwise host of the bridge ${host.bridge}`,
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    });
    const statements = [
      ...access.statements.map((statement) => statement.copy()),
      allow('ReadIbLogin', {
        actions: ['ssm:GetParameter'],
        resources: parameters.map((name) =>
          this.formatArn({ service: 'ssm', resource: 'parameter', resourceName: name.slice(1) }),
        ),
      }),
      allow('FetchRelease', {
        actions: ['s3:GetObject'],
        resources: [release.bucket.arnForObjects(release.s3ObjectKey)],
      }),
      // What the managed policy for this also allows: every parameter of the account.
      // https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
      allow('OpenSessions', {
        actions: [
          'ssm:UpdateInstanceInformation',
          'ssmmessages:CreateControlChannel',
          'ssmmessages:CreateDataChannel',
          'ssmmessages:OpenControlChannel',
          'ssmmessages:OpenDataChannel',
        ],
        resources: ['*'],
      }),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Session Manager has no resource for its channels. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmessagegatewayservice.html',
    });
    return role;
  }

  #addInstance(
    of: Network & { readonly role: Role; readonly userData: UserData; readonly type: string },
  ): Instance {
    const { vpc, subnet, securityGroup, role, userData, type } = of;
    const instance = new Instance(this, 'Instance', {
      vpc,
      vpcSubnets: { subnets: [subnet] },
      associatePublicIpAddress: true,
      instanceType: new InstanceType(type),
      machineImage: MachineImage.fromSsmParameter(IMAGE),
      securityGroup,
      role,
      httpTokens: HttpTokens.REQUIRED,
      // Not a hop further: the gateway's container cannot ask for the role.
      httpPutResponseHopLimit: 1,
      creditSpecification: CpuCredits.STANDARD,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(SYSTEM_GIB, {
            volumeType: EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
          }),
        },
      ],
      userData,
    });
    Validations.of(instance).acknowledge(
      {
        id: 'AwsSolutions-EC28',
        reason: 'The status checks that the alarms look at come every minute without it, and it is billed.',
      },
      {
        id: 'AwsSolutions-EC29',
        reason: 'The instance holds nothing: what has not been sent is on a volume that stays.',
      },
    );
    return instance;
  }

  #addAlarms(instance: Instance, topic: ITopic): void {
    const tell = new SnsAction(topic);
    this.#watch('MachineFails', instance, {
      metricName: 'StatusCheckFailed_System',
      says: 'the machine below the host fails; it is started again on another one',
    }).addAlarmAction(new Ec2Action(Ec2InstanceAction.RECOVER), tell);
    this.#watch('SystemHangs', instance, {
      metricName: 'StatusCheckFailed_Instance',
      says: "the host's system does not answer; it is rebooted",
    }).addAlarmAction(new Ec2Action(Ec2InstanceAction.REBOOT), tell);
  }

  /** What the instance runs; where nobody looks at code, its scripts alone. */
  #addRelease(runsHere: boolean): Asset {
    if (!this.bundlingRequired) return new Asset(this, 'Release', { path: SCRIPTS });
    using packed = bridgeRelease(runsHere ? undefined : hostNode());
    return new Asset(this, 'Release', { path: packed.path });
  }

  #watch(id: string, instance: Instance, on: { readonly metricName: string; readonly says: string }): Alarm {
    return new Alarm(this, id, {
      metric: new Metric({
        namespace: 'AWS/EC2',
        metricName: on.metricName,
        dimensionsMap: { InstanceId: instance.instanceId },
        statistic: Stats.MAXIMUM,
        period: PERIOD,
      }),
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 0,
      evaluationPeriods: 3,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `slotwise: ${on.says}. Runbook: docs/operations.md#the-host-in-ec2-fails`,
    });
  }
}
