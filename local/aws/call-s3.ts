import type { Access } from './access.ts';
import type { EmulatorRequest } from './emulators.ts';

/** Where an S3 request goes, path style: `/<bucket>/<key>?<query>`. The key is decoded. */
export interface S3Target {
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

export function s3Target(url: string): S3Target {
  const [path = '/', query = ''] = url.split('?', 2);
  const [, bucket = '', ...rest] = path.split('/');
  return { bucket: decode(bucket), key: decode(rest.join('/')), query: new URLSearchParams(query) };
}

/**
 * Names the operation of a REST request and the IAM action that allows it, which often differ: HeadObject needs
 * s3:GetObject. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
export function s3Operation(request: EmulatorRequest): { operation: string; accesses: readonly Access[] } {
  const { bucket, key, query } = s3Target(request.url);
  const [operation, action] =
    key === '' ? bucketOperation(request.method, bucket, query) : objectOperation(request, query);
  const resource = bucket === '' ? '*' : `arn:aws:s3:::${bucket}${key === '' ? '' : `/${key}`}`;
  const accesses: Access[] = [{ action: `s3:${action}`, resource }];
  const source = request.headers['x-amz-copy-source'];
  if (source)
    accesses.push({ action: 's3:GetObject', resource: `arn:aws:s3:::${decode(source).replace(/^\//, '')}` });
  return { operation, accesses };
}

type Named = readonly [operation: string, action: string];

function bucketOperation(method: string, bucket: string, query: URLSearchParams): Named {
  if (bucket === '') return ['ListBuckets', 'ListAllMyBuckets'];
  if (query.has('lifecycle'))
    return method === 'GET' ? named('GetLifecycleConfiguration') : named('PutLifecycleConfiguration');
  if (method === 'POST' && query.has('delete')) return ['DeleteObjects', 'DeleteObject'];
  if (method === 'PUT') return named('CreateBucket');
  if (method === 'DELETE') return named('DeleteBucket');
  if (method === 'HEAD') return ['HeadBucket', 'ListBucket'];
  if (query.has('uploads')) return ['ListMultipartUploads', 'ListBucketMultipartUploads'];
  return [query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects', 'ListBucket'];
}

function objectOperation(request: EmulatorRequest, query: URLSearchParams): Named {
  const isPart = query.has('uploadId');
  switch (request.method) {
    case 'PUT':
      if (isPart) return ['UploadPart', 'PutObject'];
      return request.headers['x-amz-copy-source'] ? ['CopyObject', 'PutObject'] : named('PutObject');
    case 'POST':
      return [isPart ? 'CompleteMultipartUpload' : 'CreateMultipartUpload', 'PutObject'];
    case 'DELETE':
      return isPart ? named('AbortMultipartUpload') : named('DeleteObject');
    case 'HEAD':
      return ['HeadObject', 'GetObject'];
    default:
      if (query.has('attributes')) return named('GetObjectAttributes');
      return isPart ? ['ListParts', 'ListMultipartUploadParts'] : named('GetObject');
  }
}

function named(operation: string): Named {
  return [operation, operation];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
