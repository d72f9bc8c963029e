import type { Access, Call } from './access.ts';
import { s3Operation } from './call-s3.ts';
import type { EmulatorRequest } from './emulators.ts';
import { EMULATED_ACCOUNT } from './emulators.ts';
import type { Service } from './service.ts';

const ANONYMOUS = 'anonymous';

/** What requests say only together: an iterator names its table, the request that made it named the stream. */
export interface CallContext {
  readonly region: string;
  /** Table name -> ARN of the stream that is read; filled here, one entry a table. */
  readonly streamArns: Map<string, string>;
}

/** Names service, operation, resource and principal of a request. Never throws: what it cannot name stays `*`. */
export function parseCall(service: Service, request: EmulatorRequest, context: CallContext): Call {
  const principal = principalOf(request.headers.authorization);
  if (service === 's3') {
    const { operation, accesses } = s3Operation(request);
    return { service, operation, principal, accesses };
  }
  const target = request.headers['x-amz-target'] ?? '';
  const operation = target.slice(target.indexOf('.') + 1) || 'Unknown';
  const body = jsonObject(request.body);
  const accesses =
    service === 'sqs'
      ? sqsAccesses(operation, body, context.region)
      : dynamodbAccesses(operation, body, context);
  return { service, operation, principal, accesses };
}

/** `AWS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/...` */
function principalOf(authorization: string | undefined): string {
  return /Credential=([^/,\s]+)\//.exec(authorization ?? '')?.[1] ?? ANONYMOUS;
}

/** A batch call is allowed by the action of its single form. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html */
function sqsAccesses(operation: string, body: Json, region: string): Access[] {
  const name = texts(body.QueueUrl, body.QueueName)[0]?.split('/').at(-1);
  const action = `sqs:${operation.replace(/Batch$/, '')}`;
  return [{ action, resource: `arn:aws:sqs:${region}:${EMULATED_ACCOUNT}:${name ?? '*'}` }];
}

const TRANSACT_ACTIONS: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
function dynamodbAccesses(operation: string, body: Json, context: CallContext): Access[] {
  const { region } = context;
  const tableArn = (name: string) =>
    name.startsWith('arn:') ? name : `arn:aws:dynamodb:${region}:${EMULATED_ACCOUNT}:table/${name}`;
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems') {
    const items = Array.isArray(body.TransactItems) ? body.TransactItems : [];
    const accesses = items.flatMap((item: Json) =>
      Object.entries(item).flatMap(([kind, part]) => {
        const name = texts((part as Json | undefined)?.TableName)[0];
        const action = TRANSACT_ACTIONS[kind];
        return name && action ? [{ action: `dynamodb:${action}`, resource: tableArn(name) }] : [];
      }),
    );
    return distinct(accesses);
  }
  const action = `dynamodb:${operation}`;
  if (operation === 'BatchWriteItem' || operation === 'BatchGetItem') {
    const names = Object.keys((body.RequestItems ?? {}) as Json);
    return names.map((name) => ({ action, resource: tableArn(name) }));
  }
  const [stream] = texts(body.StreamArn, streamOfIterator(body.ShardIterator, context));
  if (operation === 'GetShardIterator' && stream !== undefined) rememberStream(stream, context);
  if (stream !== undefined) return [{ action, resource: stream }];
  const [table] = texts(body.TableName, body.ResourceArn);
  if (table === undefined) return [{ action, resource: '*' }];
  const [index] = texts(body.IndexName);
  return [{ action, resource: index ? `${tableArn(table)}/index/${index}` : tableArn(table) }];
}

function rememberStream(arn: string, { streamArns }: CallContext): void {
  const table = /:table\/([^/]+)\//.exec(arn)?.[1];
  if (table !== undefined) streamArns.set(table, arn);
}

/** dynoxide's iterators are base64 JSON that names the table. */
function streamOfIterator(iterator: unknown, { region, streamArns }: CallContext): string | undefined {
  if (typeof iterator !== 'string') return undefined;
  const [table] = texts(jsonObject(Buffer.from(iterator, 'base64')).table_name);
  if (table === undefined) return undefined;
  return streamArns.get(table) ?? `arn:aws:dynamodb:${region}:${EMULATED_ACCOUNT}:table/${table}/stream/*`;
}

type Json = Readonly<Record<string, unknown>>;

function jsonObject(body: Buffer): Json {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Json) : {};
  } catch {
    return {};
  }
}

function texts(...values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string' && value !== '') as string[];
}

function distinct(accesses: readonly Access[]): Access[] {
  const byKey = new Map(accesses.map((access) => [`${access.action} ${access.resource}`, access]));
  return [...byKey.values()];
}
