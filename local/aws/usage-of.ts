import type { CallUsage } from '../../shared/usage.ts';
import type { Call } from './access.ts';
import type { EmulatorRequest, EmulatorResponse } from './emulators.ts';
import { itemBytes, sqsRequests, writeUnits } from './units.ts';

type Json = Readonly<Record<string, unknown>>;

/** A receive that brought nothing: pollers of AWS make these in a number of their own. */
const EMPTY_RECEIVE = 'ReceiveMessage (empty)';

/** @returns what AWS would count of the call; undefined for what it does not: its own faults and throttled calls */
export function usageOf(
  call: Call,
  request: EmulatorRequest,
  response: EmulatorResponse,
): CallUsage | undefined {
  if (response.status >= 500) return undefined;
  const usage = {
    component: call.principal,
    service: call.service,
    operation: call.operation,
    resource: resourceOf(call),
    calls: 1,
    requests: 1,
    writeUnits: 0,
    readUnits: 0,
    bytesIn: request.body.length,
    bytesOut: response.body.length,
    messages: 0,
  };
  if (call.service === 's3') return usage;
  if (call.service === 'dynamodb') return withUnits(usage, request, response);
  if (call.operation === 'ReceiveMessage') {
    const bodies = ((json(response.body).Messages ?? []) as readonly Json[]).map(({ Body }) => String(Body));
    if (bodies.length === 0) return { ...usage, operation: EMPTY_RECEIVE };
    return { ...usage, requests: sqsRequests(bytesOf(bodies)), messages: bodies.length };
  }
  const bodies = sentBodies(call, request);
  return { ...usage, requests: sqsRequests(bytesOf(bodies)), messages: bodies.length };
}

/** @returns bodies of the messages that the call sends */
export function sentBodies({ operation }: Call, request: EmulatorRequest): string[] {
  const body = json(request.body);
  if (operation === 'SendMessage') return [String(body.MessageBody ?? '')];
  if (operation !== 'SendMessageBatch') return [];
  return ((body.Entries ?? []) as readonly Json[]).map(({ MessageBody }) => String(MessageBody ?? ''));
}

/** An object is named by the first part of its key: names of its own would be without number. */
function resourceOf({ service, accesses }: Call): string {
  const name = accesses[0]?.resource.split(':').slice(5).join(':') ?? '';
  if (service === 's3') return name.split('/')[1] ?? '';
  return name
    .replace(/^table\//, '')
    .replace(/\/(?:stream\/.*|index\/)/, (found) => (found.startsWith('/index') ? '/' : '/stream'));
}

interface Answer {
  readonly ConsumedCapacity?: Consumed | readonly Consumed[];
  readonly __type?: string;
  readonly Item?: Json;
}

interface Consumed {
  readonly CapacityUnits?: number;
}

const READS = /^(?:GetItem|BatchGetItem|TransactGetItems|Query|Scan)$/;

/** As the emulator tells it. A condition that did not hold is billed as the write that it was about. */
function withUnits(
  usage: CallUsage,
  request: EmulatorRequest,
  response: EmulatorResponse,
): CallUsage | undefined {
  const answer = json(response.body) as Answer;
  if (response.status === 200) {
    const units = [answer.ConsumedCapacity ?? []]
      .flat()
      .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
    return READS.test(usage.operation) ? { ...usage, readUnits: units } : { ...usage, writeUnits: units };
  }
  const { __type: type, Item: present } = answer;
  const asked = json(request.body);
  if (type?.endsWith('#ConditionalCheckFailedException')) {
    const item = present ?? (asked.Item as Json | undefined) ?? (asked.Key as Json | undefined) ?? {};
    return { ...usage, writeUnits: writeUnits(itemBytes(item)) };
  }
  if (type?.endsWith('#TransactionCanceledException')) {
    const parts = (asked.TransactItems ?? []) as readonly Json[];
    const units = parts.flatMap(Object.values).map((part: Json) => {
      const item = (part.Item as Json | undefined) ?? (part.Key as Json | undefined) ?? {};
      return writeUnits(itemBytes(item), true);
    });
    return { ...usage, writeUnits: units.reduce((sum, each) => sum + each, 0) };
  }
  return type?.endsWith('#ThrottlingException') ? undefined : usage;
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function json(body: Buffer): Json {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return {};
  }
}
