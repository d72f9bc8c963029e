import { RemovalPolicy } from 'aws-cdk-lib';
import { BillingMode, Table, TableEncryption, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

export type KeptTableProps = Pick<
  TableProps,
  'partitionKey' | 'sortKey' | 'stream' | 'timeToLiveAttribute'
> & { readonly keep: boolean };

/** A table as each of ours is: on demand, recoverable to any second of 35 days, safe from a stray delete. */
export class KeptTable extends Table {
  constructor(scope: Construct, id: string, props: KeptTableProps) {
    const { keep, ...own } = props;
    super(scope, id, {
      ...own,
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
