import { s3Target } from './call-s3.ts';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulators.ts';

/** fauxqs takes bodies of 11 MiB. S3's own least part but the last is 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024;

/** S3 takes an object of 5 GiB in one put; the emulator gets a large one in parts. The object is the same. */
export function withLargePuts(s3: Emulator): Emulator {
  return {
    close: () => s3.close(),
    handle: (request) => (isLargePut(request) ? putInParts(s3, request) : s3.handle(request)),
  };
}

function isLargePut({ method, url, headers, body }: EmulatorRequest): boolean {
  const { key, query } = s3Target(url);
  const isPlain = !query.has('uploadId') && headers['x-amz-copy-source'] === undefined;
  return method === 'PUT' && key !== '' && isPlain && body.length > PART_BYTES;
}

async function putInParts(s3: Emulator, request: EmulatorRequest): Promise<EmulatorResponse> {
  const { body } = request;
  const [path = request.url] = request.url.split('?', 1);
  // Sums and lengths are of the whole.
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) => !/^(x-amz-(sdk-)?checksum-|x-amz-content-sha256|content-md5|content-length)/.test(name),
    ),
  );
  const send = (method: string, query: string, part: Buffer) =>
    s3.handle({ method, url: `${path}?${query}`, headers, body: part });
  const created = await send('POST', 'uploads', Buffer.alloc(0));
  if (created.status !== 200) return created;
  const uploadId = /<UploadId>([^<]+)</.exec(created.body.toString())?.[1] ?? '';
  const tags: string[] = [];
  for (let start = 0; start < body.length; start += PART_BYTES) {
    const number = tags.length + 1;
    const query = `partNumber=${number}&uploadId=${uploadId}`;
    const put = await send('PUT', query, body.subarray(start, start + PART_BYTES));
    if (put.status !== 200) return put;
    tags.push(`<Part><PartNumber>${number}</PartNumber><ETag>${put.headers.etag ?? ''}</ETag></Part>`);
  }
  const parts = `<CompleteMultipartUpload>${tags.join('')}</CompleteMultipartUpload>`;
  const completed = await send('POST', `uploadId=${uploadId}`, Buffer.from(parts));
  if (completed.status !== 200) return completed;
  const etag = /<ETag>([^<]+)</.exec(completed.body.toString())?.[1]?.replaceAll('&quot;', '"') ?? '';
  return { status: 200, headers: { etag }, body: Buffer.alloc(0) };
}
