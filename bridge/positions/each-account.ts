import { maskAccount } from '../../shared/account.ts';
import type { Gateway, GatewayEvent } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import { keyOf, type PositionRow } from './differ.ts';
import type { PositionLists, Reading } from './lists.ts';

interface AccountList {
  readonly account: string;
  /** Until its end; after it a row is a change. */
  rows: Map<string, PositionRow> | undefined;
}

/**
 * A list for each account, by reqPositionsMulti: for structures of more than 50 accounts, where IB offers no other,
 * and where models hold positions, whose codes only these lists have. A list that fails says nothing about its
 * account and leaves the others alone.
 */
export class EachAccountLists implements PositionLists {
  readonly #gateway: Gateway;
  readonly #log: Log;
  readonly #push: (row: PositionRow) => void;
  readonly #accounts: () => ReadonlySet<string>;
  /** By request id. */
  readonly #lists = new Map<number, AccountList>();
  readonly #pending = new Set<number>();
  #complete: { readonly account: string; readonly rows: readonly PositionRow[] }[] = [];
  #faults: string[] = [];
  #done: ((reading: Reading) => void) | undefined;

  constructor(options: {
    readonly gateway: Gateway;
    readonly log: Log;
    readonly push: (row: PositionRow) => void;
    readonly accounts: () => ReadonlySet<string>;
  }) {
    this.#gateway = options.gateway;
    this.#log = options.log;
    this.#push = options.push;
    this.#accounts = options.accounts;
  }

  request(done: (reading: Reading) => void): void {
    this.cancel();
    this.forget();
    this.#done = done;
    for (const account of this.#accounts()) {
      const reqId = this.#gateway.requests.requestAccountPositions(account);
      this.#lists.set(reqId, { account, rows: new Map() });
      this.#pending.add(reqId);
    }
    this.#concludeIfDone();
  }

  receive(event: GatewayEvent): void {
    switch (event.type) {
      case 'accountPosition':
        this.#onRow(event);
        break;
      case 'accountPositionEnd':
        this.#onEnd(event.reqId);
        break;
      case 'accountPositionMalformed':
        this.#onMalformed(event);
        break;
      case 'requestNotice':
        if (event.meaning !== 'harmless') this.#onRefusal(event.reqId, `${event.message} (${event.code})`);
        break;
      default:
        break;
    }
  }

  giveUp(reason: string): Reading {
    for (const reqId of this.#pending) this.#refuse(reqId, reason);
    return this.#conclude();
  }

  forget(): void {
    this.#lists.clear();
    this.#pending.clear();
    this.#complete = [];
    this.#faults = [];
    this.#done = undefined;
  }

  cancel(): void {
    if (!this.#gateway.isReady) return;
    for (const reqId of this.#lists.keys()) this.#gateway.requests.cancelAccountPositions(reqId);
  }

  #onRow(event: Extract<GatewayEvent, { type: 'accountPosition' }>): void {
    const { reqId, account, modelCode, contract, quantity, averageCost, at } = event;
    const list = this.#lists.get(reqId);
    if (list?.account !== account) return;
    const model = modelCode === undefined ? {} : { modelCode };
    const row: PositionRow = { account, ...model, contract, quantity, averageCost, at };
    if (list.rows === undefined) this.#push(row);
    else list.rows.set(keyOf(row), row);
  }

  #onEnd(reqId: number): void {
    const list = this.#lists.get(reqId);
    if (list?.rows === undefined || !this.#pending.delete(reqId)) return;
    this.#complete.push({ account: list.account, rows: [...list.rows.values()] });
    list.rows = undefined;
    this.#concludeIfDone();
  }

  #onMalformed({ reqId, fault }: { readonly reqId?: number; readonly fault: string }): void {
    const concerned =
      reqId === undefined ? [...this.#pending] : [reqId].filter((id) => this.#pending.has(id));
    if (concerned.length === 0) this.#log.warn('position-push-malformed', { fault });
    for (const id of concerned) this.#refuse(id, `a position row could not be read: ${fault}`);
    if (concerned.length > 0) this.#concludeIfDone();
  }

  #onRefusal(reqId: number, reason: string): void {
    if (!this.#lists.has(reqId)) return;
    this.#drop(reqId, reason);
    this.#concludeIfDone();
  }

  #refuse(reqId: number, reason: string): void {
    if (this.#gateway.isReady) this.#gateway.requests.cancelAccountPositions(reqId);
    this.#drop(reqId, reason);
  }

  /** The account's list is none: what still comes of it is dropped. */
  #drop(reqId: number, reason: string): void {
    const account = this.#lists.get(reqId)?.account ?? '';
    this.#lists.delete(reqId);
    if (this.#pending.delete(reqId)) this.#faults.push(`${maskAccount(account)}: ${reason}`);
  }

  #concludeIfDone(): void {
    if (this.#pending.size > 0 || this.#done === undefined) return;
    const done = this.#done;
    done(this.#conclude());
  }

  #conclude(): Reading {
    const [complete, faults] = [this.#complete, this.#faults];
    this.#complete = [];
    this.#faults = [];
    this.#done = undefined;
    const [first] = faults;
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more accounts)` : '';
    return {
      rows: complete.flatMap(({ rows }) => rows),
      accounts: new Set(complete.map(({ account }) => account)),
      ...(first === undefined ? {} : { fault: `${first}${more}` }),
    };
  }
}
