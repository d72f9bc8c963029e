const SQS_CHUNK_BYTES = 64 * 1024;
const WRITE_UNIT_BYTES = 1024;

/** @returns requests of one SQS call: "every 64 KB chunk of a payload is billed as 1 request". https://aws.amazon.com/sqs/pricing/ */
export function sqsRequests(payloadBytes: number): number {
  return Math.max(1, Math.ceil(payloadBytes / SQS_CHUNK_BYTES));
}

/**
 * @returns write request units of one item on demand: 1 for each KB begun, twice that in a transaction
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 */
export function writeUnits(itemBytes: number, inTransaction = false): number {
  return Math.max(1, Math.ceil(itemBytes / WRITE_UNIT_BYTES)) * (inTransaction ? 2 : 1);
}

type Item = Readonly<Record<string, unknown>>;

/**
 * Bytes of an item in DynamoDB's own JSON.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Item): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value as Item),
    0,
  );
}

/** A list or map costs 3 bytes, and 1 for each of its elements. */
const CONTAINER_BYTES = 3;

function valueBytes(value: Item): number {
  const [[type, content] = ['NULL', true]] = Object.entries(value);
  switch (type) {
    case 'S':
      return Buffer.byteLength(String(content));
    case 'N':
      return numberBytes(String(content));
    case 'B':
      return Buffer.byteLength(String(content), 'base64');
    case 'L':
      return (content as Item[]).reduce((sum, each) => sum + 1 + valueBytes(each), CONTAINER_BYTES);
    case 'M':
      return itemBytes(content as Item) + CONTAINER_BYTES + Object.keys(content as Item).length;
    case 'SS':
    case 'NS':
    case 'BS': {
      const of = type.slice(0, 1);
      return (content as unknown[]).reduce<number>((sum, each) => sum + valueBytes({ [of]: each }), 0);
    }
    default:
      return 1;
  }
}

/** Two digits a byte without zeros at either end, one byte of exponent, one for a sign. */
function numberBytes(text: string): number {
  const digits = text.replace(/e.*$/i, '').replaceAll(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}
