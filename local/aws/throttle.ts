import { errorAnswer } from './answer.ts';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';
import { Allowance, partitionOf, sizeOf, type Throughput } from './throughput.ts';

/** What one table was asked for. */
export interface TableLoad {
  readonly writeUnits: number;
  readonly readUnits: number;
  /** Requests that were refused, items of batches that were left unprocessed: retries count again. */
  readonly throttled: number;
  /** Of all items asked for, those that had been refused before. */
  readonly retried: number;
}

export interface ThrottledTables {
  readonly emulator: Emulator;
  /** By table, since the start. */
  loads(): Readonly<Record<string, TableLoad>>;
}

type Json = Readonly<Record<string, unknown>>;
type Kind = 'read' | 'write';

/** What a request wants of one item. */
interface Want {
  readonly table: string;
  /** The key alone or the whole item. */
  readonly holdsKey: Json;
  readonly kind: Kind;
  readonly units: number;
}

const WRITE_UNIT_BYTES = 1024;

/**
 * The embedded DynamoDB serves whatever it is asked for. Here each table serves what a new one does and refuses the
 * rest as AWS does: single items with ThrottlingException, a transaction with the reason ThrottlingError, of a batch
 * what is left over as unprocessed. Queries, scans and indexes are not limited. Size is that of what is sent: an
 * update of a large item counts as a small one.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing-workflow.html
 * @param now milliseconds of a clock that never goes back
 */
export function withThrottling(
  dynamodb: Emulator,
  {
    throughput,
    now = () => performance.now(),
  }: { readonly throughput: Throughput; readonly now?: () => number },
): ThrottledTables {
  const schemas = new Map<string, Promise<KeySchema>>();
  const allowances = new Map<string, Allowance>();
  /** `table key` of items that were refused and have not been asked for again: as many as callers still want. */
  const refused = new Set<string>();
  const loads = new Map<string, { -readonly [Key in keyof TableLoad]: number }>();

  const loadOf = (table: string) => {
    const load = loads.get(table) ?? { writeUnits: 0, readUnits: 0, throttled: 0, retried: 0 };
    loads.set(table, load);
    return load;
  };
  const schemaOf = (table: string, request: EmulatorRequest) => {
    const known = schemas.get(table) ?? askSchema(dynamodb, table, request);
    schemas.set(table, known);
    return known;
  };
  const take = async ({ table, holdsKey, kind, units }: Want, request: EmulatorRequest): Promise<boolean> => {
    const { partitionKey, sortKey } = await schemaOf(table, request);
    const key = JSON.stringify(holdsKey[partitionKey]);
    const item = `${table} ${key} ${JSON.stringify(holdsKey[sortKey])}`;
    const place = `${kind} ${table} ${partitionOf(key, throughput.partitions)}`;
    const perSecond = kind === 'write' ? throughput.writesPerSecond : throughput.readsPerSecond;
    const allowance = allowances.get(place) ?? new Allowance(perSecond, now());
    allowances.set(place, allowance);
    const load = loadOf(table);
    if (refused.delete(item)) load.retried += 1;
    const isServed = allowance.take(units, now());
    if (!isServed) {
      load.throttled += 1;
      refused.add(item);
    }
    if (isServed && kind === 'write') load.writeUnits += units;
    if (isServed && kind === 'read') load.readUnits += units;
    return isServed;
  };

  const handle = async (request: EmulatorRequest): Promise<EmulatorResponse> => {
    const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
    if (!LIMITED.has(operation)) return dynamodb.handle(request);
    const body = JSON.parse(request.body.toString()) as Json;
    const batch = operation.startsWith('Batch') ? batchWants(operation, body) : undefined;
    const wants = batch?.map(({ want }) => want) ?? singleWants(operation, body);
    const served: boolean[] = [];
    for (const want of wants) served.push(await take(want, request));
    if (served.every(Boolean)) return dynamodb.handle(request);
    if (batch === undefined) return refusal(operation, wants, served);
    if (!served.some(Boolean)) return refusal(operation, wants, served);
    const taken = requestItems(batch.filter((_, index) => served[index]));
    const left = requestItems(batch.filter((_, index) => !served[index]));
    const response = await dynamodb.handle({
      ...request,
      body: Buffer.from(JSON.stringify({ ...body, RequestItems: taken })),
    });
    return withUnprocessed(
      response,
      operation === 'BatchGetItem' ? 'UnprocessedKeys' : 'UnprocessedItems',
      left,
    );
  };
  return {
    emulator: { handle, close: () => dynamodb.close() },
    loads: () => Object.fromEntries([...loads].map(([table, load]) => [table, { ...load }])),
  };
}

const LIMITED = new Set([
  'GetItem',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchGetItem',
  'BatchWriteItem',
  'TransactWriteItems',
]);

function singleWants(operation: string, body: Json): Want[] {
  if (operation === 'TransactWriteItems') {
    const parts = (body.TransactItems ?? []) as readonly Json[];
    // Prepared and committed: twice the units of a plain write.
    return parts.flatMap((part) => Object.values(part).map((one) => writeOf(one as Json, 2)));
  }
  if (operation !== 'GetItem') return [writeOf(body, 1)];
  return [readOf(String(body.TableName), body.Key as Json, body.ConsistentRead === true)];
}

interface BatchPart {
  readonly want: Want;
  /** What the request says of the part's table beside its items: projections, consistency. */
  readonly terms: Json;
  readonly part: Json;
}

function batchWants(operation: string, body: Json): BatchPart[] {
  const tables = Object.entries((body.RequestItems ?? {}) as Readonly<Record<string, unknown>>);
  return tables.flatMap(([table, asked]) => {
    if (operation === 'BatchGetItem') {
      const { Keys, ...terms } = asked as Json & { readonly Keys: readonly Json[] };
      return Keys.map((part) => ({ want: readOf(table, part, terms.ConsistentRead === true), terms, part }));
    }
    return (asked as readonly Json[]).map((part) => {
      const [write] = Object.values(part);
      return { want: writeOf({ ...(write as Json), TableName: table }, 1), terms: {}, part };
    });
  });
}

function requestItems(parts: readonly BatchPart[]): Json {
  const byTable = Map.groupBy(parts, ({ want }) => want.table);
  return Object.fromEntries(
    [...byTable].map(([table, ofTable]) => {
      const items = ofTable.map(({ part }) => part);
      const isRead = ofTable[0]?.want.kind === 'read';
      return [table, isRead ? { ...ofTable[0]?.terms, Keys: items } : items];
    }),
  );
}

function writeOf(write: Json, times: number): Want {
  const holdsKey = (write.Item ?? write.Key) as Json;
  const bytes =
    sizeOf(holdsKey) + sizeOf(write.Item === undefined ? write.ExpressionAttributeValues : undefined);
  return {
    table: String(write.TableName),
    holdsKey,
    kind: 'write',
    units: times * Math.ceil(bytes / WRITE_UNIT_BYTES),
  };
}

/** Of at most 4 KB, as all of ours are. */
function readOf(table: string, key: Json, isConsistent: boolean): Want {
  return { table, holdsKey: key, kind: 'read', units: isConsistent ? 1 : 0.5 };
}

function refusal(operation: string, wants: readonly Want[], served: readonly boolean[]): EmulatorResponse {
  const message =
    'Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.';
  const namespace = 'com.amazonaws.dynamodb.v20120810#';
  if (operation === 'TransactWriteItems') {
    const codes = served.map((isServed) => (isServed ? 'None' : 'ThrottlingError'));
    return mapJson(
      errorAnswer('dynamodb', {
        status: 400,
        code: `${namespace}TransactionCanceledException`,
        message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
      }),
      { CancellationReasons: codes.map((Code) => (Code === 'None' ? { Code } : { Code, Message: message })) },
    );
  }
  const [want] = wants;
  const reason = `Table${want?.kind === 'read' ? 'Read' : 'Write'}KeyRangeThroughputExceeded`;
  return mapJson(errorAnswer('dynamodb', { status: 400, code: `${namespace}ThrottlingException`, message }), {
    throttlingReasons: [{ reason, resource: want?.table }],
  });
}

function withUnprocessed(response: EmulatorResponse, name: string, left: Json): EmulatorResponse {
  return response.status === 200 ? mapJson(response, { [name]: left }) : response;
}

function mapJson(response: EmulatorResponse, more: Json): EmulatorResponse {
  const body = Buffer.from(JSON.stringify({ ...(JSON.parse(response.body.toString()) as Json), ...more }));
  const { 'x-amz-crc32': _crc, ...headers } = response.headers;
  return { ...response, headers: { ...headers, 'content-length': String(body.length) }, body };
}

interface KeySchema {
  readonly partitionKey: string;
  /** Empty where there is none. */
  readonly sortKey: string;
}

async function askSchema(dynamodb: Emulator, table: string, request: EmulatorRequest): Promise<KeySchema> {
  const { body } = await dynamodb.handle({
    ...request,
    headers: { ...request.headers, 'x-amz-target': 'DynamoDB_20120810.DescribeTable' },
    body: Buffer.from(JSON.stringify({ TableName: table })),
  });
  const { Table } = JSON.parse(body.toString()) as {
    Table?: { KeySchema: readonly { AttributeName: string; KeyType: string }[] };
  };
  const nameOf = (type: string) =>
    Table?.KeySchema.find(({ KeyType }) => KeyType === type)?.AttributeName ?? '';
  return { partitionKey: nameOf('HASH'), sortKey: nameOf('RANGE') };
}
