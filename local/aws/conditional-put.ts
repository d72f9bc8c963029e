import { s3Target } from './call-s3.ts';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';

/**
 * fauxqs takes every PutObject. Here `If-None-Match: *` and `If-Match: <etag>` hold as in S3: 412 PreconditionFailed,
 * and of any number of racers exactly one wins, because all writes of one key stand in one line.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function withConditionalPuts(s3: Emulator): Emulator {
  /** `bucket/key` -> the last writer in line. */
  const lines = new Map<string, Promise<unknown>>();
  const inLine = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const before = lines.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    lines.set(name, mine);
    try {
      return await mine;
    } finally {
      if (lines.get(name) === mine) lines.delete(name);
    }
  };

  return {
    close: () => s3.close(),
    handle: (request) => {
      const { bucket, key, query } = s3Target(request.url);
      if (key === '' || !writes(request.method, query)) return s3.handle(request);
      return inLine(`${bucket}/${key}`, async () => (await refusal(s3, request)) ?? s3.handle(request));
    },
  };
}

/** Everything that makes the object of this key appear, change or vanish. */
function writes(method: string, query: URLSearchParams): boolean {
  if (method === 'PUT') return !query.has('partNumber');
  if (method === 'POST') return query.has('uploadId');
  return method === 'DELETE' && !query.has('uploadId');
}

async function refusal(s3: Emulator, request: EmulatorRequest): Promise<EmulatorResponse | undefined> {
  const none = request.headers['if-none-match'];
  const match = request.headers['if-match'];
  if (none === undefined && match === undefined) return undefined;
  if (none !== undefined && none !== '*') {
    return fault(501, 'NotImplemented', 'If-None-Match on a write takes only "*"', 'If-None-Match');
  }
  const head = await s3.handle({
    method: 'HEAD',
    url: request.url.split('?', 1)[0] ?? request.url,
    headers: withoutConditions(request.headers),
    body: Buffer.alloc(0),
  });
  const etag = head.status === 200 ? head.headers.etag : undefined;
  if (none !== undefined && etag !== undefined) return preconditionFailed('If-None-Match');
  if (match === undefined) return undefined;
  if (etag === undefined) return fault(404, 'NoSuchKey', 'The specified key does not exist.', 'If-Match');
  return unquoted(etag) === unquoted(match) ? undefined : preconditionFailed('If-Match');
}

function withoutConditions(headers: EmulatorRequest['headers']): Record<string, string> {
  const kept = ['host', 'authorization', 'x-amz-date', 'x-amz-content-sha256'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name)));
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', '');
}

function preconditionFailed(condition: string): EmulatorResponse {
  const text = 'At least one of the pre-conditions you specified did not hold';
  return fault(412, 'PreconditionFailed', text, condition);
}

function fault(status: number, code: string, message: string, condition: string): EmulatorResponse {
  const xml =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message>` +
    `<Condition>${condition}</Condition></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(xml) };
}
