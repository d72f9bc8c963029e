/** What AWS asks for one unit. Data only: who changes a price changes its row and its date. */
export interface Price {
  readonly service: 'SQS' | 'Lambda' | 'DynamoDB' | 'S3' | 'CloudWatch';
  readonly unit: string;
  readonly usd: number;
  /** Units a month that cost nothing in any account, whatever its age; all of the account's own use shares them. */
  readonly free: number;
  readonly source: string;
  /** When the row was last compared with its source or with a page that quotes it; `recalled`: from memory, nobody has. */
  readonly checked: string;
}

const MILLION = 1_000_000;
const CHECKED = '2026-11-21';

/** US East (N. Virginia), US dollars, first tier, on demand. */
export const PRICES = {
  sqsRequest: {
    service: 'SQS',
    unit: 'requests, one for each 64 KB',
    usd: 0.4 / MILLION,
    free: MILLION,
    source: 'https://aws.amazon.com/sqs/pricing/',
    checked: CHECKED,
  },
  lambdaRequest: {
    service: 'Lambda',
    unit: 'invocations',
    usd: 0.2 / MILLION,
    free: MILLION,
    source: 'https://aws.amazon.com/lambda/pricing/',
    checked: CHECKED,
  },
  lambdaCompute: {
    service: 'Lambda',
    unit: 'GB-seconds on arm64',
    usd: 0.000_013_333_4,
    free: 400_000,
    source: 'https://aws.amazon.com/lambda/pricing/',
    checked: CHECKED,
  },
  lambdaDisk: {
    service: 'Lambda',
    unit: 'GB-seconds of /tmp above 512 MB',
    usd: 0.000_000_030_9,
    free: 0,
    source: 'https://aws.amazon.com/lambda/pricing/',
    checked: 'recalled',
  },
  dynamodbWrite: {
    service: 'DynamoDB',
    unit: 'write request units of 1 KB',
    usd: 0.625 / MILLION,
    // The 25 units that are free are of tables with provisioned capacity, which ours are not.
    free: 0,
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    checked: CHECKED,
  },
  dynamodbRead: {
    service: 'DynamoDB',
    unit: 'read request units of 4 KB',
    usd: 0.125 / MILLION,
    free: 0,
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    checked: CHECKED,
  },
  dynamodbStorage: {
    service: 'DynamoDB',
    unit: 'GB stored',
    usd: 0.25,
    free: 25,
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    checked: CHECKED,
  },
  dynamodbRecovery: {
    service: 'DynamoDB',
    unit: 'GB recoverable to a point in time',
    usd: 0.2,
    free: 0,
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    checked: 'recalled',
  },
  s3Write: {
    service: 'S3',
    unit: 'PUT, COPY, POST and LIST requests',
    usd: 0.005 / 1000,
    free: 0,
    source: 'https://aws.amazon.com/s3/pricing/',
    checked: 'recalled',
  },
  s3Read: {
    service: 'S3',
    unit: 'GET and all other requests',
    usd: 0.0004 / 1000,
    free: 0,
    source: 'https://aws.amazon.com/s3/pricing/',
    checked: 'recalled',
  },
  s3Storage: {
    service: 'S3',
    unit: 'GB stored',
    usd: 0.023,
    free: 0,
    source: 'https://aws.amazon.com/s3/pricing/',
    checked: 'recalled',
  },
  cloudwatchMetric: {
    service: 'CloudWatch',
    unit: 'custom metrics',
    usd: 0.3,
    free: 10,
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
    checked: 'recalled',
  },
  cloudwatchAlarm: {
    service: 'CloudWatch',
    // An alarm over an expression is charged for each metric that goes into it.
    unit: 'metrics of alarms',
    usd: 0.1,
    free: 10,
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
    checked: 'recalled',
  },
  cloudwatchDashboard: {
    service: 'CloudWatch',
    unit: 'dashboards',
    usd: 3,
    free: 3,
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
    checked: 'recalled',
  },
  cloudwatchLogs: {
    service: 'CloudWatch',
    unit: 'GB of logs taken in',
    usd: 0.5,
    free: 5,
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
    checked: 'recalled',
  },
} as const satisfies Record<string, Price>;

export type PriceKey = keyof typeof PRICES;

/**
 * What each operation that a local run has seen is billed as. `units`: by what DynamoDB says that it consumed.
 * `free`: nothing at all. https://aws.amazon.com/s3/pricing/ (deletes), https://aws.amazon.com/dynamodb/pricing/on-demand/
 * ("GetRecords API calls invoked by AWS Lambda" are free)
 */
export const BILLED_AS: Readonly<Record<string, PriceKey | 'units' | 'free'>> = {
  'sqs:SendMessage': 'sqsRequest',
  'sqs:SendMessageBatch': 'sqsRequest',
  'sqs:ReceiveMessage': 'sqsRequest',
  'sqs:ReceiveMessage (empty)': 'sqsRequest',
  'sqs:DeleteMessage': 'sqsRequest',
  'sqs:DeleteMessageBatch': 'sqsRequest',
  'sqs:ChangeMessageVisibility': 'sqsRequest',
  'sqs:ChangeMessageVisibilityBatch': 'sqsRequest',
  'sqs:GetQueueAttributes': 'sqsRequest',
  'sqs:GetQueueUrl': 'sqsRequest',
  'sqs:ListQueues': 'sqsRequest',
  'dynamodb:GetItem': 'units',
  'dynamodb:PutItem': 'units',
  'dynamodb:UpdateItem': 'units',
  'dynamodb:DeleteItem': 'units',
  'dynamodb:BatchGetItem': 'units',
  'dynamodb:BatchWriteItem': 'units',
  'dynamodb:TransactGetItems': 'units',
  'dynamodb:TransactWriteItems': 'units',
  'dynamodb:Query': 'units',
  'dynamodb:Scan': 'units',
  'dynamodb:DescribeTable': 'free',
  'dynamodb:DescribeTimeToLive': 'free',
  'dynamodb:ListStreams': 'free',
  'dynamodb:DescribeStream': 'free',
  'dynamodb:GetShardIterator': 'free',
  'dynamodb:GetRecords': 'free',
  's3:PutObject': 's3Write',
  's3:CopyObject': 's3Write',
  's3:CreateMultipartUpload': 's3Write',
  's3:UploadPart': 's3Write',
  's3:CompleteMultipartUpload': 's3Write',
  's3:ListObjectsV2': 's3Write',
  's3:ListObjects': 's3Write',
  's3:ListParts': 's3Write',
  's3:ListMultipartUploads': 's3Write',
  's3:ListBuckets': 's3Write',
  's3:GetObject': 's3Read',
  's3:GetObjectAttributes': 's3Read',
  's3:HeadObject': 's3Read',
  's3:HeadBucket': 's3Read',
  's3:DeleteObject': 'free',
  's3:DeleteObjects': 'free',
  's3:AbortMultipartUpload': 'free',
};
