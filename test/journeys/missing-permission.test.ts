import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { generatePortfolio } from '../../local/gateway/generator.ts';
import { type RunningBridge, System } from './system.ts';

const portfolio = generatePortfolio({ seed: 13, positions: 12, condors: 1, accounts: ['DU1111111'] });

describe('a bridge whose policy lost the permission to send', () => {
  let system: System;
  let gateway: SimulatedGateway;
  let bridge: RunningBridge;

  beforeAll(async () => {
    system = await System.start({ bridges: ['home'], without: 'SendSnapshots' });
    gateway = await system.gateway({ portfolio });
    await system.register(portfolio.condors);
    bridge = await system.bridge('home', gateway);
  }, 60_000);
  afterAll(async () => {
    // It would wait for a last chance to send, which nobody gives it.
    await bridge?.kill();
    await system?.[Symbol.asyncDispose]();
  });

  it('streams on, keeps every snapshot on its disk, and says what it may not do and what to check', async () => {
    const { outbox, lines } = await bridge.until(
      (status) => status.lines.streaming === 4 && status.outbox.lastFault !== undefined,
      'streaming, and refused',
    );
    expect(lines.streaming).toBe(4);
    expect(outbox.lastFault).toMatch(
      /AccessDenied: .*sqs:SendMessage on resource: arn:aws:sqs:.*missing in .*deploy again/,
    );
    expect(outbox.produced).toBeGreaterThanOrEqual(portfolio.positions.length);
    expect(outbox.depth).toBeGreaterThanOrEqual(outbox.produced);
    expect(outbox.sent).toBe(0);
  });

  it('is the only one that is refused, and for nothing else', () => {
    const accesses = system.cloud.journal.accesses();
    const denied = accesses.filter((access) => access.denied > 0);
    expect(denied.map(({ principal, action }) => `${principal} ${action}`)).toEqual([
      'bridge-home sqs:SendMessage',
    ]);
    const received = accesses.filter(({ action }) => action === 's3:PutObject');
    expect(received).toEqual([]);
  });
});
