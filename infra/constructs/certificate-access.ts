import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, PrincipalWithConditions, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnProfile, CfnTrustAnchor } from 'aws-cdk-lib/aws-rolesanywhere';
import { Construct } from 'constructs';
import { ACCESS_OUTPUTS } from '../../shared/names.ts';
import type { BridgeAccess } from './bridge-access.ts';

/** As long as IAM Roles Anywhere and roles have it where nothing is said; here it is said. */
const SESSION = Duration.hours(1);

/**
 * Bridges outside AWS sign in with a certificate of the trader's own authority and get an hour at a time. A role is
 * bound to this anchor, so that no other authority of the account opens it, and to the certificate's common name, so
 * that a bridge's certificate opens no other bridge's role.
 * https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
 */
export class CertificateAccess extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly authorityPem: string;
      /** By bridge id. */
      readonly access: ReadonlyMap<string, BridgeAccess>;
    },
  ) {
    super(scope, id);
    const name = Stack.of(this).stackName;
    const anchor = new CfnTrustAnchor(this, 'Anchor', {
      name,
      enabled: true,
      source: {
        sourceType: 'CERTIFICATE_BUNDLE',
        sourceData: { x509CertificateData: props.authorityPem },
      },
    });
    const roles = [...props.access].map(([bridge, { policy }]) => {
      const principal = new PrincipalWithConditions(new ServicePrincipal('rolesanywhere.amazonaws.com'), {
        StringEquals: { 'aws:PrincipalTag/x509Subject/CN': bridge },
        ArnEquals: { 'aws:SourceArn': anchor.attrTrustAnchorArn },
      });
      const role = new Role(this, `Role-${bridge}`, {
        description: `slotwise bridge ${bridge}, by its certificate`,
        assumedBy: principal,
        maxSessionDuration: SESSION,
        managedPolicies: [policy],
      });
      // The service names the certificate in every session, and does not open one without these.
      role.assumeRolePolicy?.addStatements(
        new PolicyStatement({
          actions: ['sts:SetSourceIdentity', 'sts:TagSession'],
          principals: [principal],
        }),
      );
      return [bridge, role.roleArn] as const;
    });
    const profile = new CfnProfile(this, 'Profile', {
      name,
      enabled: true,
      durationSeconds: SESSION.toSeconds(),
      roleArns: roles.map(([, arn]) => arn),
    });
    output(this, ACCESS_OUTPUTS.trustAnchorArn, anchor.attrTrustAnchorArn);
    output(this, ACCESS_OUTPUTS.bridgeProfileArn, profile.attrProfileArn);
    output(this, ACCESS_OUTPUTS.bridgeRoleArns, Stack.of(this).toJsonString(Object.fromEntries(roles)));
  }
}

/** Under its own name, without the construct's. */
function output(scope: Construct, name: string, value: string): void {
  new CfnOutput(Stack.of(scope), name, { value });
}
