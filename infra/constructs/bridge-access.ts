import { Stack } from 'aws-cdk-lib';
import { ManagedPolicy, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { bridgePolicyPath } from '../../shared/names.ts';
import type { Settings } from '../settings.ts';
import type { StateStack } from '../stacks/state.ts';
import { useCustomerKey } from './customer-key.ts';
import { allow } from './statement.ts';

export interface BridgeAccessProps {
  readonly bridge: string;
  readonly feed: Queue;
  readonly state: StateStack;
  readonly settings: Settings;
}

/**
 * What one bridge may do, as a policy for whatever identity it has (an instance role, a role for a certificate, a
 * user). It cannot write the registry, read another bridge's feed, or touch the lake.
 */
export class BridgeAccess extends Construct {
  readonly policy: ManagedPolicy;
  /** The same for an identity that is not deployed together with the policy. */
  readonly statements: readonly PolicyStatement[];

  constructor(scope: Construct, id: string, props: BridgeAccessProps) {
    super(scope, id);
    const { bridge, feed, state, settings } = props;
    this.statements = [
      allow('SendSnapshots', { actions: ['sqs:SendMessage'], resources: [state.snapshots.queueArn] }),
      allow('ReceiveOwnFeed', {
        actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
        resources: [feed.queueArn],
      }),
      allow('ReadRegistry', {
        actions: ['dynamodb:GetItem', 'dynamodb:Query'],
        resources: [state.registry.tableArn],
      }),
      allow('ReadPositions', { actions: ['dynamodb:Query'], resources: [state.positions.tableArn] }),
      allow('ReadLease', { actions: ['dynamodb:GetItem'], resources: [state.positions.tableArn] }),
      ...useCustomerKey(settings),
    ];
    this.policy = new ManagedPolicy(this, 'Policy', {
      path: bridgePolicyPath(bridge),
      description: `slotwise bridge ${bridge} of ${Stack.of(this).stackName}`,
      statements: [...this.statements],
    });
  }
}
