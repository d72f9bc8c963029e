import { Validations } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';

/** The lake's ARN as the processing stack imports it: in these words cdk-nag names what it finds. */
const LAKE_ARN = 'SlotwiseState:ExportsOutputFnGetAttLake5F1B88EAArn65E67816';

/**
 * A role that may reach every object of the lake whose key begins so. Each prefix is acknowledged by itself, so that
 * another wildcard of the same role is a finding of its own.
 */
export function acknowledgeKeys(role: Role, prefixes: readonly string[]): void {
  for (const prefix of prefixes) {
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${LAKE_ARN}/${prefix}*]`,
      reason: `Keys end in dates and ids that no template knows: ${prefix} is as narrow as a grant on them can be.`,
    });
  }
}
