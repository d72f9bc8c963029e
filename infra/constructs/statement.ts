import { PolicyStatement } from 'aws-cdk-lib/aws-iam';

/**
 * One permission with a name of its own. Named statements are never merged, so that the template shows one
 * statement per purpose, and taking one away denies exactly that.
 */
export function allow(
  sid: string,
  grant: { readonly actions: readonly string[]; readonly resources: readonly string[] },
): PolicyStatement {
  return new PolicyStatement({ sid, actions: [...grant.actions], resources: [...grant.resources] });
}
