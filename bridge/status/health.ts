import type { BridgeStatus } from '../../shared/status.ts';

export interface Health {
  readonly ok: boolean;
  /** One line: what is missing, or what it rests on. */
  readonly reason: string;
}

/**
 * Healthy is a session that is ready: the gateway finished the handshake and answers its heartbeats. An open socket
 * alone says nothing. The link of the gateway to IB is shown and does not count: a new start would not mend it.
 */
export function healthOf({ gateway }: BridgeStatus): Health {
  const address = `${gateway.host}:${gateway.port}`;
  if (gateway.state !== 'ready') {
    const fault = gateway.lastFault === undefined ? '' : `: ${gateway.lastFault}`;
    return { ok: false, reason: `the session with ${address} is ${gateway.state}${fault}` };
  }
  const link = gateway.linkUp ? '' : ', its link to IB is down';
  return { ok: true, reason: `the gateway at ${address} is ready and answers${link}` };
}
