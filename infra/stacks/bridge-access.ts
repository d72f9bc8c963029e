import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AddressAccess } from '../constructs/address-access.ts';
import { BridgeAccess } from '../constructs/bridge-access.ts';
import { CertificateAccess } from '../constructs/certificate-access.ts';
import type { Settings } from '../settings.ts';
import type { FeedStack } from './feed.ts';
import type { StateStack } from './state.ts';

/**
 * What each bridge may do, and the identities that may do it. They are together because IAM deletes no policy that is
 * attached: whatever identity a bridge gets belongs here, or the bridge could not be removed in one deployment.
 */
export class BridgeAccessStack extends Stack {
  /** By bridge id. */
  readonly access: ReadonlyMap<string, BridgeAccess>;

  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly state: StateStack;
      readonly feed: FeedStack;
      readonly settings: Settings;
      /** Certificate of the trader's authority; without one no certificate opens anything. */
      readonly authorityPem: string | undefined;
    },
  ) {
    super(scope, id, { description: 'slotwise: what each bridge may do, and how it signs in.' });
    const { state, feed, settings, authorityPem } = props;
    this.access = new Map(
      [...feed.queues].map(([bridge, queue]) => [
        bridge,
        new BridgeAccess(this, `Bridge-${bridge}`, { bridge, feed: queue, state, settings }),
      ]),
    );
    const { access } = this;
    if (authorityPem !== undefined) new CertificateAccess(this, 'Certificates', { authorityPem, access });
    const sourceIps = settings.bridgeAccess?.sourceIps;
    if (sourceIps !== undefined) new AddressAccess(this, 'Addresses', { sourceIps, access });
  }
}
