import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SmallObjects } from '../../../functions/compact/small-objects.ts';

/** Answers as S3 does or as it does on a bad day, and remembers who asked for what. */
const asked: { readonly path: string; readonly isLight: boolean; readonly authorization: string }[] = [];
let answer: (response: ServerResponse, count: number) => void;
const server = createServer((request, response) => {
  const { authorization = '', ...headers } = request.headers;
  asked.push({ path: request.url ?? '', isLight: headers['amz-sdk-request'] === undefined, authorization });
  answer(response, asked.length);
});
let client: S3Client;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    forcePathStyle: true,
  });
});

beforeEach(() => {
  asked.length = 0;
  answer = (response) => response.end('whole');
});

afterAll(() => {
  client.destroy();
  server.closeAllConnections();
  server.close();
});

const key = (name: string) => `raw/v1/dt=2026-11-20/${name}.parquet`;

async function read(...names: readonly string[]): Promise<(string | undefined)[]> {
  const objects = new SmallObjects(client, 'lake');
  const found: (string | undefined)[] = [];
  for (const name of names) {
    const bytes = await objects.read(key(name));
    found.push(bytes && Buffer.from(bytes).toString());
  }
  return found;
}

describe('small objects', () => {
  it('are asked for at the same place and by the same name, the first with all of the middleware', async () => {
    expect(await read('a', 'b', 'c')).toEqual(['whole', 'whole', 'whole']);
    expect(asked.map(({ isLight }) => isLight)).toEqual([false, true, true]);
    expect(asked.map(({ path }) => path.split('?')[0])).toEqual(
      ['a', 'b', 'c'].map((name) => `/lake/raw/v1/dt%3D2026-11-20/${name}.parquet`),
    );
    for (const { authorization } of asked) {
      expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/s3\//);
    }
  });

  it.each<[string, (response: ServerResponse) => void]>([
    [
      'torn off',
      (response) =>
        void response.writeHead(200, { 'content-length': 5 }).write('wh', () => response.destroy()),
    ],
    [
      'shorter than it says',
      (response) => response.writeHead(200, { 'transfer-encoding': 'chunked' }).end('wh'),
    ],
    [
      'a fault of the service',
      (response) => response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>'),
    ],
    ['no answer at all', (response) => void response.destroy()],
  ])('are asked for again the ordinary way when what came is %s', async (_, fault) => {
    answer = (response, count) => (count === 2 ? fault(response) : response.end('whole'));
    expect(await read('a', 'b')).toEqual(['whole', 'whole']);
    expect(asked.map(({ isLight }) => isLight)).toEqual([false, true, false]);
  });

  it('that are not there are none, and what is refused for good is said', async () => {
    answer = (response, count) =>
      count === 1
        ? response.end('whole')
        : response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    expect(await read('a', 'b')).toEqual(['whole', undefined]);
    answer = (response) => response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    await expect(read('a')).rejects.toThrow(/AccessDenied|UnknownError/);
  });
});
