import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

export interface CloudClients extends Disposable {
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBDocumentClient;
}

const CONNECT_DEADLINE_MS = 5_000;

/**
 * The bridge's clients. Endpoints and credentials come from the environment as the SDK reads it
 * (`AWS_ENDPOINT_URL_SQS`, `AWS_PROFILE`, an instance role, ...). One attempt per call: backoff is ours, so that a
 * fault shows at once and a stop is never held up by a retry. Every call brings its own deadline.
 */
export function createCloudClients(options: { readonly region: string }): CloudClients {
  const common = {
    region: options.region,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_DEADLINE_MS },
  };
  const sqs = new SQSClient(common);
  const base = new DynamoDBClient(common);
  return {
    sqs,
    dynamodb: DynamoDBDocumentClient.from(base),
    [Symbol.dispose]() {
      sqs.destroy();
      base.destroy();
    },
  };
}

/** What a person has to look at, by the SDK's error names. The rest explains itself or passes. */
const REMEDIES: Readonly<Record<string, string>> = {
  CredentialsProviderError: 'set AWS_PROFILE, or run on a machine with a role',
  ExpiredToken: 'renew the credentials',
  ExpiredTokenException: 'renew the credentials',
  InvalidClientTokenId: 'the credentials are not (or no longer) valid',
  UnrecognizedClientException: 'the credentials are not (or no longer) valid',
  SignatureDoesNotMatch: "check the credentials and this machine's clock",
  AccessDenied: "the bridge's role lacks a permission: deploy again or check the profile",
  AccessDeniedException: "the bridge's role lacks a permission: deploy again or check the profile",
  QueueDoesNotExist: 'does the outputs file belong to this deployment and region?',
  ResourceNotFoundException: 'does the outputs file belong to this deployment and region?',
};

/** @returns one line for a person: what the cloud, or the way to it, said, and what to check */
export function describeCloudFault(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'no answer in time';
  const code = (cause as { readonly code?: unknown }).code;
  const text = cause.message || (typeof code === 'string' ? code : 'no connection');
  const said = cause.name === 'Error' ? text : `${cause.name}: ${text}`;
  const remedy = REMEDIES[cause.name];
  return remedy === undefined ? said : `${said}: ${remedy}`;
}
