import { z } from 'zod';
import type { Call } from '../access.ts';
import type { Emulator, EmulatorResponse } from '../emulators.ts';

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems']);
const READS = new Set(['GetItem', 'Query', 'Scan', 'BatchGetItem', 'TransactGetItems']);
/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const THROTTLED = /(?:ProvisionedThroughputExceeded|Throttling)Exception/;

const ASKED = Buffer.from('{"ReturnConsumedCapacity":"TOTAL",');

/** DynamoDB counts the units of every read and write; to be told of them one has to ask, and callers do not. */
export function withConsumedCapacity(dynamodb: Emulator): Emulator {
  return {
    close: () => dynamodb.close(),
    handle: (request) => {
      const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
      if (!(WRITES.has(operation) || READS.has(operation))) return dynamodb.handle(request);
      const { body } = request;
      if (body.includes('"ReturnConsumedCapacity"')) return dynamodb.handle(request);
      const rest = body.subarray(body.indexOf('{') + 1);
      return dynamodb.handle({ ...request, body: Buffer.concat([ASKED, rest]) });
    },
  };
}

export type TableEvent =
  | { readonly kind: 'written'; readonly table: string; readonly units: number }
  | { readonly kind: 'write-throttled' | 'read-throttled'; readonly table: string };

const consumedSchema = z.object({ TableName: z.string(), CapacityUnits: z.number() });
const answerSchema = z.object({
  ConsumedCapacity: z.union([z.array(consumedSchema), consumedSchema.transform((one) => [one])]).default([]),
});

/** What an answer of DynamoDB adds to the metrics of tables. A write that a condition refused is billed too, but not told. */
export function tableEvents(call: Call, response: EmulatorResponse): readonly TableEvent[] {
  const { service, operation } = call;
  if (service !== 'dynamodb' || !(WRITES.has(operation) || READS.has(operation))) return [];
  if (response.status === 400 && THROTTLED.test(response.body.toString('utf8'))) {
    const kind = WRITES.has(operation) ? 'write-throttled' : 'read-throttled';
    return tablesOf(call).map((table) => ({ kind, table }));
  }
  if (response.status !== 200 || !WRITES.has(operation)) return [];
  const { ConsumedCapacity } = answerSchema.parse(JSON.parse(response.body.toString('utf8')));
  return ConsumedCapacity.map(({ TableName: table, CapacityUnits: units }) => ({
    kind: 'written',
    table,
    units,
  }));
}

function tablesOf({ accesses }: Call): readonly string[] {
  return [...new Set(accesses.flatMap(({ resource }) => /:table\/([^/]+)/.exec(resource)?.[1] ?? []))];
}
