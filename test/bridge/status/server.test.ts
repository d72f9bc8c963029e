import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startStatusServer } from '../../../bridge/status/server.ts';
import { type BridgeStatus, bridgeStatusSchema } from '../../../shared/status.ts';
import { recordingLog } from '../../support/log.ts';
import { bridgeStatus } from '../../support/status.ts';

async function start(status: () => Promise<BridgeStatus> = async () => bridgeStatus()) {
  const log = recordingLog();
  const server = await startStatusServer({ port: 0, status, log });
  onTestFinished(() => server.close());
  return { ...server, log };
}

/** fetch cannot set the Host header. */
async function statusWithHost(url: string, host: string): Promise<number | undefined> {
  const outgoing = request(`${url}/status.json`, { headers: { host } });
  outgoing.end();
  const [answer] = await once(outgoing, 'response');
  answer.resume();
  return answer.statusCode;
}

const gateway = (overrides: Partial<BridgeStatus['gateway']>) =>
  bridgeStatus({ gateway: { ...bridgeStatus().gateway, ...overrides } });

describe('the status server', () => {
  it('tells the status as the schema says', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/status.json`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(bridgeStatusSchema.parse(await response.json())).toEqual(bridgeStatus());
  });

  it.each([
    [gateway({ state: 'ready' }), 200, /ready and answers$/],
    [gateway({ state: 'ready', linkUp: false }), 200, /link to IB is down/],
    [gateway({ state: 'handshaking' }), 503, /is handshaking/],
    [gateway({ state: 'open-circuit', lastFault: 'refused the connection' }), 503, /open-circuit: refused/],
  ])('is healthy only when the session is ready and answers (%#)', async (status, code, reason) => {
    const { url } = await start(async () => status);
    const response = await fetch(`${url}/healthz`);
    expect(response.status).toBe(code);
    expect(await response.json()).toEqual({ ok: code === 200, reason: expect.stringMatching(reason) });
  });

  it('is not healthy when the status itself cannot be had', async () => {
    const { url, log } = await start(() => Promise.reject(new Error("the outbox's thread died")));
    for (const path of ['/healthz', '/status.json']) {
      const response = await fetch(`${url}${path}`);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ reason: expect.stringContaining('thread died') });
    }
    expect(log.entries.filter(({ event }) => event === 'status-failed')).toHaveLength(2);
  });

  it('answers nobody who calls it by a foreign name', async () => {
    const { url } = await start();
    const { port } = new URL(url);
    for (const host of [`127.0.0.1:${port}`, 'localhost', `localhost:8080`, '[::1]:9']) {
      expect([host, await statusWithHost(url, host)]).toEqual([host, 200]);
    }
    for (const host of ['evil.example', `127.0.0.1.evil.example:${port}`, `localhost.evil:${port}`]) {
      expect([host, await statusWithHost(url, host)]).toEqual([host, 421]);
    }
  });

  it('says what to do about a port in use', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    onTestFinished(() => void squatter.close());
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const starting = startStatusServer({ port, status: async () => bridgeStatus(), log: recordingLog() });
    await expect(starting).rejects.toThrow(/in use: .*status\.port \(SLOTWISE_STATUS_PORT\)/);
  });
});

describe('the live page', () => {
  it('is one file that loads nothing, and runs only its own script and style', async () => {
    const { url } = await start();
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await response.text();
    expect(html).not.toMatch(/(src|href)="(?!data:|\/status\.json)/);
    expect(html).not.toMatch(/@import|url\(|style="|\son[a-z]+="/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    for (const [name, tag] of [
      ['script-src', 'script'],
      ['style-src', 'style'],
    ] as const) {
      const blocks = [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))];
      expect(blocks).toHaveLength(1);
      const hash = createHash('sha256')
        .update(blocks[0]?.[1] ?? '')
        .digest('base64');
      expect(policy).toContain(`${name} 'sha256-${hash}'`);
    }
    expect(policy).not.toContain('unsafe');
  });

  it('has a place for all that its script draws, and draws it as text', async () => {
    const { url } = await start();
    const html = await (await fetch(url)).text();
    const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
    expect(() => new Function(script)).not.toThrow();
    const ids = new Set([...html.matchAll(/ id="([a-z-]+)"/g)].map(([, id]) => id));
    const used = [...script.matchAll(/\b(?:by|list|table)\('([a-z-]+)'/g)].map(([, id]) => id);
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((id) => !ids.has(id))).toEqual([]);
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
});
