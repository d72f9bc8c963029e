import { RemovalPolicy } from 'aws-cdk-lib';
import { BillingMode, Table, TableEncryption, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

export type KeptTableProps = Pick<
  TableProps,
  'partitionKey' | 'sortKey' | 'stream' | 'timeToLiveAttribute'
> & { readonly keep: boolean; readonly key: IKey | undefined };

/** A table as each of ours is: on demand, recoverable to any second of 35 days, safe from a stray delete. */
export class KeptTable extends Table {
  constructor(scope: Construct, id: string, props: KeptTableProps) {
    const { keep, key, ...own } = props;
    super(scope, id, {
      ...own,
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...(key
        ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }
        : { encryption: TableEncryption.DEFAULT }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
