import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Clients } from './cloud-types.ts';
import type { Endpoints } from './service.ts';

/** Worth nothing anywhere else; the front door looks at the key id only. */
const SECRET = 'local';

/** As IAM allows for role names, and as they fit into a signature's credential scope. */
const PRINCIPAL = /^[\w+=,.@-]{1,128}$/;

/**
 * What a process needs to call the embedded services as `principal`: overlay it on its own environment. A profile
 * or a session of the person's own would win over the key, so both are emptied, and no file of theirs is read.
 */
export function environmentOf(
  principal: string,
  at: { readonly endpoints: Endpoints; readonly region: string },
): Record<string, string> {
  if (!PRINCIPAL.test(principal))
    throw new RangeError(`not a principal's name: ${JSON.stringify(principal)}`);
  return {
    AWS_REGION: at.region,
    AWS_DEFAULT_REGION: at.region,
    AWS_ACCESS_KEY_ID: principal,
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_SESSION_TOKEN: '',
    AWS_PROFILE: '',
    AWS_CONFIG_FILE: '/nonexistent/aws-config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/aws-credentials',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_SQS: at.endpoints.sqs,
    AWS_ENDPOINT_URL_S3: at.endpoints.s3,
    AWS_ENDPOINT_URL_DYNAMODB: at.endpoints.dynamodb,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: at.endpoints.dynamodb,
  };
}

/** SDK clients for this process; the caller destroys them. */
export function clientsOf(
  principal: string,
  at: { readonly endpoints: Endpoints; readonly region: string },
): Clients & Disposable {
  const shared = {
    region: at.region,
    credentials: { accessKeyId: principal, secretAccessKey: SECRET },
  };
  const sqs = new SQSClient({ ...shared, endpoint: at.endpoints.sqs });
  const s3 = new S3Client({ ...shared, endpoint: at.endpoints.s3, forcePathStyle: true });
  const dynamodb = new DynamoDBClient({ ...shared, endpoint: at.endpoints.dynamodb });
  const streams = new DynamoDBStreamsClient({ ...shared, endpoint: at.endpoints.dynamodb });
  return {
    sqs,
    s3,
    dynamodb,
    streams,
    [Symbol.dispose]: () => {
      for (const client of [sqs, s3, dynamodb, streams]) client.destroy();
    },
  };
}
