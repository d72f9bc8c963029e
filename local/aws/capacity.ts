import type { Emulator } from './emulators.ts';
import { mapBody } from './translations.ts';

/** Operations that can tell what they consumed. */
const TELLING = new Set([
  'GetItem',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'Query',
  'Scan',
  'BatchGetItem',
  'BatchWriteItem',
  'TransactGetItems',
  'TransactWriteItems',
]);

/** Asks DynamoDB with every request what it consumed: nobody minds to be told in the answer. */
export function withCapacity(dynamodb: Emulator): Emulator {
  return {
    close: () => dynamodb.close(),
    handle: (request) => {
      const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
      const isAsked = !TELLING.has(operation) || request.body.includes('"ReturnConsumedCapacity"');
      if (isAsked) return dynamodb.handle(request);
      return dynamodb.handle(
        mapBody(request, (text) => text.replace(/^\s*\{/, '{"ReturnConsumedCapacity":"INDEXES",')),
      );
    },
  };
}
