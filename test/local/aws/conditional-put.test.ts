import { describe, expect, it } from 'vitest';
import { withConditionalPuts } from '../../../local/aws/conditional-put.ts';
import { type EmulatorRequest, openFauxqs } from '../../../local/aws/emulators.ts';
import { temporaryDirectory } from './support/temporary.ts';

function put(url: string, body: string, headers: Record<string, string> = {}): EmulatorRequest {
  return { method: 'PUT', url, headers: { host: '127.0.0.1', ...headers }, body: Buffer.from(body) };
}

describe('writes of one key', () => {
  it('stand in one line: of racers that look before any of them writes, one wins', async () => {
    using dir = temporaryDirectory();
    const fauxqs = await openFauxqs(dir.path);
    const s3 = withConditionalPuts(fauxqs);
    await s3.handle(put('/lake', ''));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        s3.handle(put('/lake/key', `${index}`, { 'if-none-match': '*' })),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(412)]);
    await fauxqs.close();
  });

  it('do not hold up those of another key', async () => {
    using dir = temporaryDirectory();
    const fauxqs = await openFauxqs(dir.path);
    const never = new Promise<never>(() => {});
    const s3 = withConditionalPuts({
      ...fauxqs,
      handle: (request) => (request.url === '/lake/stuck' ? never : fauxqs.handle(request)),
    });
    await s3.handle(put('/lake', ''));
    void s3.handle(put('/lake/stuck', 'x', { 'if-none-match': '*' }));
    expect(await s3.handle(put('/lake/free', 'x', { 'if-none-match': '*' }))).toMatchObject({ status: 200 });
    await fauxqs.close();
  });
});
