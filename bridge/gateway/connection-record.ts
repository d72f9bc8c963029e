import { maskAccount } from '../../shared/account.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import { describeFault, type SessionFault } from './faults.ts';
import type { Session } from './session.ts';
import type { ConnectionSettings } from './settings.ts';

/** The `gateway` part of the bridge's status; which accounts another bridge holds is for others to know. */
export type ConnectionStatus = Omit<BridgeStatus['gateway'], 'accountsElsewhere'>;

/** What a person is told of the connection, kept over all attempts. It decides nothing; session.ts does. */
export class ConnectionRecord {
  readonly #settings: ConnectionSettings;
  #port: number;
  #accounts: readonly string[] = [];
  #serverVersion: number | undefined;
  #nextAttemptAt: string | undefined;
  #lastFault: string | undefined;
  #connections = 0;
  #failedAttempts = 0;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#port = settings.port;
  }

  get serverVersion(): number | undefined {
    return this.#serverVersion;
  }

  get nextAttemptAt(): string | undefined {
    return this.#nextAttemptAt;
  }

  get lastFault(): string | undefined {
    return this.#lastFault;
  }

  /** @param port the one configured, or where the gateway said that it moved to */
  connecting(port: number): void {
    this.#port = port;
    this.#nextAttemptAt = undefined;
    this.#serverVersion = undefined;
  }

  greeted(serverVersion: number): void {
    this.#serverVersion = serverVersion;
  }

  ready(accounts: readonly string[]): void {
    this.#connections += 1;
    this.#accounts = accounts;
  }

  disconnected(): void {
    this.#accounts = [];
  }

  attemptFailed(): void {
    this.#failedAttempts += 1;
  }

  /** @param delayMs undefined: there is no next attempt */
  waits(delayMs: number | undefined): void {
    this.#nextAttemptAt = delayMs === undefined ? undefined : new Date(Date.now() + delayMs).toISOString();
  }

  /** @returns one line for a person, which stays until `recovered` */
  fault(fault: SessionFault): string {
    this.#lastFault = describeFault(fault, { ...this.#settings, port: this.#port });
    return this.#lastFault;
  }

  linkDown(code: number): void {
    this.#lastFault = `the gateway has lost its own link to IB (${code}): it restores it by itself, marks are stale until then`;
  }

  recovered(): void {
    this.#lastFault = undefined;
  }

  /** @returns the gateway's text without the numbers of its accounts */
  masked(text: string): string {
    return this.#accounts.reduce((masked, account) => masked.replaceAll(account, maskAccount(account)), text);
  }

  status(session: Session): ConnectionStatus {
    const { host, clientId } = this.#settings;
    return {
      state: session.name,
      host,
      port: this.#port,
      clientId,
      ...(this.#serverVersion === undefined ? {} : { serverVersion: this.#serverVersion }),
      accounts: this.#accounts.map(maskAccount),
      connections: this.#connections,
      failedAttempts: this.#failedAttempts,
      ...(this.#nextAttemptAt === undefined ? {} : { nextAttemptAt: this.#nextAttemptAt }),
      ...(this.#lastFault === undefined ? {} : { lastFault: this.#lastFault }),
      linkUp: session.name === 'ready' && session.linkUp,
    };
  }
}
