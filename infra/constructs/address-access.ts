import { CfnOutput, Stack } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, User } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { BridgeAccess } from './bridge-access.ts';

/**
 * Users for bridges outside AWS that have no certificate. Whatever a user may do, it may do from the trader's own
 * addresses alone. The stack makes no key: it would lie in the template's state for anybody who may read that.
 */
export class AddressAccess extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: {
      /** CIDR blocks. */
      readonly sourceIps: readonly string[];
      /** By bridge id. */
      readonly access: ReadonlyMap<string, BridgeAccess>;
    },
  ) {
    super(scope, id);
    const users = [...props.access].map(([bridge, { policy }]) => {
      const user = new User(this, `User-${bridge}`, { managedPolicies: [policy] });
      new Policy(this, `Addresses-${bridge}`, {
        users: [user],
        statements: [
          // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-ip.html
          new PolicyStatement({
            sid: 'OnlyFromHome',
            effect: Effect.DENY,
            actions: ['*'],
            resources: ['*'],
            conditions: {
              NotIpAddress: { 'aws:SourceIp': [...props.sourceIps] },
              Bool: { 'aws:ViaAWSService': 'false' },
            },
          }),
        ],
      });
      return [bridge, user.userName] as const;
    });
    new CfnOutput(Stack.of(this), 'BridgeUserNames', {
      value: Stack.of(this).toJsonString(Object.fromEntries(users)),
    });
  }
}
