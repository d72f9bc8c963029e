import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/**
 * The lake's bucket. Versioned: objects are written once, so the only older versions are those of what was deleted, by
 * the compaction or by mistake, and they bring it back for 30 days. After that the mark that it was deleted goes too:
 * a listing passes over every one.
 */
export class Lake extends Bucket {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly keep: boolean; readonly key: IKey | undefined },
  ) {
    const { keep, key } = props;
    super(scope, id, {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // One request for a data key of the bucket serves many objects.
      ...(key
        ? { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [
        {
          id: 'forget-what-was-replaced',
          noncurrentVersionExpiration: Duration.days(30),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Server access logs come hours late, now and then not at all, and need a second bucket. Nobody but functions writes here; who wants reads on record has the data events of CloudTrail.',
    });
  }
}
