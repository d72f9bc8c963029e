import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { RETENTION } from '../../shared/limits.ts';

export interface PatientQueueProps {
  readonly visibilityTimeoutS: number;
  /** Stays when its stack is deleted. */
  readonly keep: boolean;
  /** SQS's own key without one. */
  readonly key: IKey | undefined;
  readonly deadLetterQueue?: QueueProps['deadLetterQueue'];
}

/** A standard queue as each of ours is: encrypted, TLS only, as patient as SQS allows. */
export class PatientQueue extends Queue {
  constructor(scope: Construct, id: string, props: PatientQueueProps) {
    super(scope, id, {
      visibilityTimeout: Duration.seconds(props.visibilityTimeoutS),
      retentionPeriod: Duration.seconds(RETENTION.queueS),
      ...(props.key
        ? { encryption: QueueEncryption.KMS, encryptionMasterKey: props.key }
        : { encryption: QueueEncryption.SQS_MANAGED }),
      enforceSSL: true,
      removalPolicy: props.keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(props.deadLetterQueue && { deadLetterQueue: props.deadLetterQueue }),
    });
  }
}
