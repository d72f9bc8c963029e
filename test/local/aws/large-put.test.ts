import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServices, type TestServices } from '../../support/services.ts';

let services: TestServices;

beforeAll(async () => {
  services = await startServices();
});

afterAll(() => services[Symbol.asyncDispose]());

it('an object of 20 MiB is put in one request, as in S3, and comes back byte by byte', async () => {
  const { s3 } = services.clients;
  const body = Buffer.alloc(20 * 1024 * 1024 + 17, 'slotwise');
  const at = { Bucket: services.bucket, Key: 'table/v1/dt=2026-11-20/large.parquet' };
  await s3.send(new PutObjectCommand({ ...at, Body: body, IfNoneMatch: '*' }));
  const { Body, ContentLength } = await s3.send(new GetObjectCommand(at));
  expect(ContentLength).toBe(body.length);
  const digest = (bytes: Uint8Array = new Uint8Array()) => createHash('sha256').update(bytes).digest('hex');
  expect(digest(await Body?.transformToByteArray())).toBe(digest(body));

  const again = s3.send(
    new PutObjectCommand({ ...at, Body: Buffer.alloc(9 * 1024 * 1024), IfNoneMatch: '*' }),
  );
  const refusal = await again.catch((cause: unknown) => cause);
  expect(refusal).toBeInstanceOf(S3ServiceException);
  expect((refusal as S3ServiceException).$metadata.httpStatusCode).toBe(412);
});
