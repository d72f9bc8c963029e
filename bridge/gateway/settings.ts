import { GATEWAY } from '../../shared/limits.ts';

/** How the bridge reaches its gateway, and how patient it is with it. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  /** One per API client of the gateway, 32 at most; 0 is the master client, which also sees a person's orders. */
  readonly clientId: number;
  readonly requestsPerSecond: number;
  /** From the first packet to nextValidId and managedAccounts. */
  readonly handshakeDeadlineMs: number;
  readonly heartbeatPeriodMs: number;
  readonly heartbeatDeadlineMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Failed attempts in a row that open the circuit. */
  readonly breakerThreshold: number;
  /** Between the probes of an open circuit. */
  readonly breakerPeriodMs: number;
}

/**
 * Waits of 1, 2, 4, 8 and 16 s, then a probe a minute: a nightly restart is over within these, and a gateway that
 * waits for a person's login is not hammered.
 */
export const CONNECTION_DEFAULTS: ConnectionSettings = {
  host: '127.0.0.1',
  port: 4002,
  clientId: 17,
  requestsPerSecond: GATEWAY.requestsPerSecond,
  handshakeDeadlineMs: 10_000,
  heartbeatPeriodMs: 15_000,
  heartbeatDeadlineMs: 10_000,
  backoffMinMs: 1_000,
  backoffMaxMs: 30_000,
  breakerThreshold: 6,
  breakerPeriodMs: 60_000,
};
