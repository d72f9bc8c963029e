import { CfnResource, Duration, RemovalPolicy, Size, Stack, SymlinkFollowMode } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Settings } from '../settings.ts';
import { bundledHandler, unbundledHandler } from './bundle.ts';
import { customerKey, useCustomerKey } from './customer-key.ts';
import type { NativePackage } from './native-packages.ts';
import { allow } from './statement.ts';

export interface HandlerProps {
  /** Of the handler below the project, such as `functions/drain`. */
  readonly directory: string;
  readonly description: string;
  readonly timeoutS: number;
  readonly memoryMb: number;
  /** Of /tmp; Lambda's own 512 where nothing is said. */
  readonly diskMb?: number;
  /** Go beside the bundle. */
  readonly native?: () => readonly NativePackage[];
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: Settings;
  /** All that the handler may do beside writing its own log. */
  readonly statements: readonly PolicyStatement[];
}

/**
 * A function with its role and its log group: one place for runtime, architecture and logs. The role is written out
 * here instead of the AWS managed one, which would allow to create and write any log group of the account.
 */
export class Handler extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const { settings } = props;
    const encryptionKey = customerKey(this, settings);
    this.logGroup = new LogGroup(this, 'Log', {
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey && { encryptionKey }),
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const statements = [
      allow('WriteOwnLog', {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logGroup.logGroupArn],
      }),
      ...props.statements,
      ...useCustomerKey(settings),
    ];
    for (const statement of statements) this.role.addToPolicy(statement);
    using bundle = Stack.of(this).bundlingRequired
      ? bundledHandler(props.directory, props.native?.(), { runsHere: settings.runsHere })
      : unbundledHandler(props.directory);
    this.function = new LambdaFunction(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: settings.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      code: Code.fromAsset(bundle.path, {
        assetHash: bundle.hash,
        followSymlinks: SymlinkFollowMode.ALWAYS,
      }),
      handler: 'index.handler',
      description: props.description,
      timeout: Duration.seconds(props.timeoutS),
      memorySize: props.memoryMb,
      ...(props.diskMb !== undefined && { ephemeralStorageSize: Size.mebibytes(props.diskMb) }),
      environment: { ...props.environment },
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
    // CDK lets every function wait for its role, which the function names anyway: cfn-lint calls that redundant.
    // https://github.com/aws-cloudformation/cfn-lint#resource-based-metadata
    const { defaultChild } = this.function.node;
    if (!CfnResource.isCfnResource(defaultChild)) throw new TypeError('a function is a resource');
    defaultChild.addMetadata('cfn-lint', { config: { ignore_checks: ['W3005'] } });
  }
}
