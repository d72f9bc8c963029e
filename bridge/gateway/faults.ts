/** Why an attempt to connect failed, or a session ended. */
type FaultKind =
  /** Nobody listens on the port. */
  | 'refused'
  /** No answer to the TCP handshake: host down, packets dropped. */
  | 'unreachable'
  | 'unknown-host'
  /** TCP is up and nothing, or not enough, was answered: nextValidId and accounts did not come in time. */
  | 'silent'
  /** The gateway hung up in the middle of the handshake. */
  | 'hung-up'
  /** 326. */
  | 'client-id-in-use'
  /** 503 and 506: no version that both sides speak. */
  | 'version'
  /** 1300. */
  | 'port-moved'
  /** A session that was ready lost its socket. */
  | 'closed'
  /** A session that was ready did not answer reqCurrentTime in time. */
  | 'no-heartbeat'
  /** 504, 507 and whatever else the client library reports of the socket. */
  | 'socket';

export interface SessionFault {
  readonly kind: FaultKind;
  /** What the other side or the operating system said. */
  readonly detail?: string;
  /** Of `port-moved`: where the gateway listens from now on, where its message says so. */
  readonly port?: number;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
}

/** @returns one line for a person: what happened and what to check */
export function describeFault(fault: SessionFault, { host, port, clientId }: Endpoint): string {
  const address = `${host}:${port}`;
  const detail = fault.detail === undefined ? '' : ` (${fault.detail})`;
  switch (fault.kind) {
    case 'refused':
      return `${address} refused the connection: is TWS or IB Gateway running, is the API enabled (Configure > API > Settings), is the port right (TWS 7496/7497, Gateway 4001/4002)?`;
    case 'unreachable':
      return `${address} does not answer${detail}: is the host up and reachable, does a firewall drop the port?`;
    case 'unknown-host':
      return `${host} is not a known host${detail}: check the gateway's host name in the settings`;
    case 'silent':
      return `${address} accepted the connection and stayed silent${detail}: is the gateway logged in, does TWS wait for somebody to accept the connection, is a forwarder (socat, docker) in front of a dead gateway?`;
    case 'hung-up':
      return `${address} closed the connection during the handshake${detail}: is it an API port, is this machine among the trusted IPs (Configure > API > Settings), is the gateway still starting?`;
    case 'client-id-in-use':
      return `${address} says that client id ${clientId} is in use: after a restart the old session lingers for a while, which is waited for; otherwise find the other client or set another client id`;
    case 'version':
      return `${address} speaks no version of the API that we speak${detail}: update TWS or IB Gateway, or this bridge`;
    case 'port-moved':
      return fault.port === undefined
        ? `${address} moved to another port${detail}: set the new port`
        : `${address} moved to port ${fault.port}: it is followed there, but the next start of the bridge needs gateway.port set to it`;
    case 'closed':
      return `${address} closed the connection${detail}: it restarts every day and wants a full login once a week; is it running and logged in?`;
    case 'no-heartbeat':
      return `${address} keeps the connection open and answers nothing${detail}: is the gateway frozen, or waiting in a dialog?`;
    case 'socket':
      return `connection to ${address} failed${detail}: is it TWS or IB Gateway that listens there?`;
  }
}

/**
 * @param message what Node says of a socket; the client library passes nothing but this text on
 * @param connected whether TCP was up
 */
export function socketFault(message: string, connected: boolean): SessionFault {
  const detail = message === '' ? {} : { detail: message };
  // An empty text is an AggregateError: every address of the name was tried and refused.
  if (message.includes('ECONNREFUSED') || (message === '' && !connected)) return { kind: 'refused' };
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return { kind: 'unknown-host', ...detail };
  if (/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/.test(message)) {
    return { kind: connected ? 'closed' : 'unreachable', ...detail };
  }
  if (/ECONNRESET|EPIPE/.test(message)) return { kind: connected ? 'closed' : 'hung-up', ...detail };
  return { kind: 'socket', ...detail };
}
