import { once } from 'node:events';
import { createServer } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lake } from '../../functions/lake.ts';
import { startServices, type TestServices } from '../support/services.ts';

let services: TestServices;

beforeAll(async () => {
  services = await startServices();
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

describe('the lake', () => {
  it('takes an object once, and what is there stays as it is', async () => {
    const lake = new Lake(services.clients.s3, services.bucket);
    const put = (body: string) => lake.putOnce({ key: 'raw/a', body, contentType: 'text/plain' });
    expect(await put('first')).toBe('written');
    expect(await put('second')).toBe('present');
    expect(Buffer.from(await services.objectBytes('raw/a')).toString()).toBe('first');
  });

  it('lets exactly one of twenty racers write', async () => {
    const lake = new Lake(services.clients.s3, services.bucket);
    const racers = Array.from({ length: 20 }, (_, index) =>
      lake.putOnce({ key: 'raw/race', body: `racer ${index}`, contentType: 'text/plain' }),
    );
    expect((await Promise.all(racers)).filter((outcome) => outcome === 'written')).toHaveLength(1);
  });

  it('tries again while another write of the key is under way', async () => {
    const answers = [409, 409, 200];
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.statusCode = answers.shift() ?? 500;
        response.end(
          response.statusCode === 200 ? '' : '<Error><Code>ConditionalRequestConflict</Code></Error>',
        );
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const client = new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const outcome = await new Lake(client, 'b').putOnce({ key: 'k', body: 'x', contentType: 'text/plain' });
    client.destroy();
    server.close();
    expect(outcome).toBe('written');
    expect(answers).toEqual([]);
  });
});
