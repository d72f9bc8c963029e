import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startFauxqs } from 'fauxqs';

/** Embedded S3 in this process, with one empty bucket: for tests of one part. */
export interface TestS3 extends AsyncDisposable {
  readonly endpoint: string;
  readonly client: S3Client;
  readonly bucket: string;
  /** Forgets every object. */
  empty(): void;
}

export async function startS3(): Promise<TestS3> {
  const server = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  const bucket = 'lake';
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    endpoint,
    client,
    bucket,
    empty: () => server.emptyBucket(bucket),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server.stop();
    },
  };
}
