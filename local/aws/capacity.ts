import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';
import { mapBody } from './translations.ts';

/** On answers of withCapacity: JSON, a list of ConsumedCapacity. No client looks at it. */
export const CAPACITY_HEADER = 'x-local-consumed-capacity';

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

/**
 * Asks DynamoDB with every request what it consumed, and tells it in a header instead of the body, where the caller
 * did not ask for it.
 */
export function withCapacity(dynamodb: Emulator): Emulator {
  return {
    close: () => dynamodb.close(),
    handle: async (request) => {
      const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
      if (!TELLING.has(operation) || request.body.includes('"ReturnConsumedCapacity"')) {
        return dynamodb.handle(request);
      }
      return moved(await dynamodb.handle(asking(request)));
    },
  };
}

function asking(request: EmulatorRequest): EmulatorRequest {
  return mapBody(request, (text) => text.replace(/^\s*\{/, '{"ReturnConsumedCapacity":"INDEXES",'));
}

function moved(response: EmulatorResponse): EmulatorResponse {
  if (response.status !== 200) return response;
  const { ConsumedCapacity, ...rest } = JSON.parse(response.body.toString('utf8')) as Record<string, unknown>;
  const answer = mapBody(response, () => JSON.stringify(rest));
  return { ...answer, headers: { ...answer.headers, [CAPACITY_HEADER]: JSON.stringify(ConsumedCapacity) } };
}
