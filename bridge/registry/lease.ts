import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { maskAccount } from '../../shared/account.ts';
import { BRIDGE } from '../../shared/limits.ts';
import { describeFaults } from '../../shared/message.ts';
import { POSITIONS } from '../../shared/names.ts';
import { bridgeIdSchema, instantSchema } from '../../shared/snapshot.ts';
import { describeCloudFault } from '../cloud.ts';
import type { Log } from '../log.ts';
import { Bell, withDeadline } from '../wait.ts';

export interface LeaseOptions {
  readonly client: DynamoDBDocumentClient;
  readonly positionsTable: string;
  readonly bridge: string;
  readonly log: Log;
  /** As often as heartbeats renew the leases. */
  readonly periodMs?: number;
  readonly leaseMs?: number;
  readonly now?: () => number;
}

/** An account of this gateway that another bridge streams and records. */
export interface Elsewhere {
  readonly account: string;
  readonly bridge: string;
}

const leaseSchema = z.object({ bridge: bridgeIdSchema, at: instantSchema });

const READ_DEADLINE_MS = 5_000;

/**
 * Whose accounts are ours. The drain writes each heartbeat's accounts as leases into the positions table; here they
 * are read. A lease that another bridge holds and that is young enough keeps this bridge off the account. What cannot
 * be read changes nothing: the last answer stands, and without one the bridge acts, because streaming never depends
 * on the cloud and duplicates across bridges do the state no harm.
 */
export class AccountLeases {
  readonly #options: Required<LeaseOptions>;
  readonly #abort = new AbortController();
  readonly #bell = new Bell();
  readonly #listeners = new Set<() => void>();
  /** account -> the other bridge. */
  readonly #holders = new Map<string, string>();
  #accounts: readonly string[] = [];
  #lastFault: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = {
      periodMs: BRIDGE.heartbeatPeriodMs,
      leaseMs: BRIDGE.leaseMs,
      now: Date.now,
      ...options,
    };
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** At `ready`: the accounts that the gateway manages. Their leases are read at once; see `refresh` to wait for it. */
  setAccounts(accounts: readonly string[]): void {
    this.#accounts = [...accounts];
    for (const account of this.#holders.keys()) {
      if (!accounts.includes(account)) this.#holders.delete(account);
    }
    this.#bell.ring();
  }

  /** @returns those of `accounts` that no other bridge holds */
  ours(accounts: readonly string[]): string[] {
    return accounts.filter((account) => !this.#holders.has(account));
  }

  /** Unmasked: status and logs mask. */
  get elsewhere(): readonly Elsewhere[] {
    return [...this.#holders].map(([account, bridge]) => ({ account, bridge }));
  }

  /** Absent as soon as the leases could be read again. */
  get lastFault(): string | undefined {
    return this.#lastFault;
  }

  /** Called when an answer of `ours` may have changed. @returns unsubscribe */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the leases now. Never rejects: a fault leaves the last answers as they are. */
  async refresh(signal: AbortSignal = this.#abort.signal): Promise<void> {
    const accounts = this.#accounts;
    const before = JSON.stringify(this.elsewhere);
    try {
      for (const account of accounts) await this.#read(account, signal);
      this.#mended();
    } catch (cause) {
      if (!signal.aborted) this.#faulty(describeCloudFault(cause));
    }
    if (JSON.stringify(this.elsewhere) !== before) for (const listener of this.#listeners) listener();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await this.#bell.wait(signal, this.#options.periodMs);
      if (!signal.aborted) await this.refresh();
    }
  }

  async #read(account: string, signal: AbortSignal): Promise<void> {
    const { client, positionsTable, bridge, leaseMs, now, log } = this.#options;
    const command = new GetCommand({
      TableName: positionsTable,
      Key: { [POSITIONS.partitionKey]: account, [POSITIONS.sortKey]: POSITIONS.leaseConId },
      ConsistentRead: true,
    });
    const { Item } = await client.send(command, { abortSignal: withDeadline(signal, READ_DEADLINE_MS) });
    if (!this.#accounts.includes(account)) return;
    const lease = Item === undefined ? undefined : leaseSchema.safeParse(Item);
    if (lease?.success === false)
      throw new Error(`the lease item is malformed: ${describeFaults(lease.error)}`);
    const isAlive = lease !== undefined && now() - Date.parse(lease.data.at) < leaseMs;
    const holder = isAlive && lease.data.bridge !== bridge ? lease.data.bridge : undefined;
    const known = this.#holders.get(account);
    if (holder === known) return;
    if (holder === undefined) {
      this.#holders.delete(account);
      log.info('account-ours', { account: maskAccount(account), heldBefore: known });
    } else {
      this.#holders.set(account, holder);
      log.warn('account-elsewhere', { account: maskAccount(account), holder });
    }
  }

  #faulty(fault: string): void {
    if (fault !== this.#lastFault) this.#options.log.warn('lease-fault', { fault });
    this.#lastFault = fault;
  }

  #mended(): void {
    if (this.#lastFault !== undefined) this.#options.log.info('lease-recovered');
    this.#lastFault = undefined;
  }
}
