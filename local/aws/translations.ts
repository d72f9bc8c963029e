import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';

/** The region that dynoxide 1.2.1 writes into every ARN and stream record, whatever region signed the request. */
const DYNOXIDE_REGION = 'dynoxide';

/** Operations whose requests or responses carry ARNs or a region; the items of all others are never touched. */
const WITH_ARNS = new Set([
  'CreateTable',
  'DescribeTable',
  'UpdateTable',
  'DeleteTable',
  'ListStreams',
  'DescribeStream',
  'GetShardIterator',
  'TagResource',
  'UntagResource',
  'ListTagsOfResource',
]);

/** ARNs of tables and streams carry the region of the template, as the template's own references to them do. */
export function withRegion(dynamodb: Emulator, region: string): Emulator {
  const arn = (of: string) => `arn:aws:dynamodb:${of}:`;
  return {
    close: () => dynamodb.close(),
    handle: async (request) => {
      const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
      if (operation === 'GetRecords') {
        return mapBody(await dynamodb.handle(request), (text) =>
          text.replaceAll(`"awsRegion":"${DYNOXIDE_REGION}"`, `"awsRegion":"${region}"`),
        );
      }
      if (!WITH_ARNS.has(operation)) return dynamodb.handle(request);
      const response = await dynamodb.handle(
        mapBody(request, (text) => text.replaceAll(arn(region), arn(DYNOXIDE_REGION))),
      );
      return mapBody(response, (text) => text.replaceAll(arn(DYNOXIDE_REGION), arn(region)));
    },
  };
}

/**
 * Queue URLs are made when a queue is created and persisted with it, port included: what leaves here names the door
 * of this run, because clients follow the host in the URL.
 */
export function withQueueUrls(sqs: Emulator, origin: () => string): Emulator {
  return {
    close: () => sqs.close(),
    handle: async (request) => {
      const response = await sqs.handle(request);
      if (!/\.(CreateQueue|GetQueueUrl|ListQueues)$/.test(request.headers['x-amz-target'] ?? ''))
        return response;
      return mapBody(response, (text) => text.replaceAll(/http:\/\/[^/"]+\//g, `${origin()}/`));
    },
  };
}

function mapBody<T extends EmulatorRequest | EmulatorResponse>(message: T, map: (text: string) => string): T {
  const text = message.body.toString('utf8');
  const mapped = map(text);
  if (mapped === text) return message;
  const body = Buffer.from(mapped);
  const { 'x-amz-crc32': _crc, ...headers } = message.headers;
  return { ...message, headers: { ...headers, 'content-length': String(body.length) }, body };
}
