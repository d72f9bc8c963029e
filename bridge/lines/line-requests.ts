import type { Gateway, LineEvent, MarketDataType } from '../gateway/events.ts';
import { requestContractOf } from '../gateway/routing.ts';
import type { Log } from '../log.ts';
import { type ContractResolver, isRefusal } from './contract-resolver.ts';
import type { LineLedger } from './ledger.ts';
import type { Line, LineRequest, Refusal } from './line.ts';

export interface LineRequestsOptions {
  readonly gateway: Gateway;
  readonly contracts: ContractResolver;
  readonly ledger: LineLedger;
  readonly log: Log;
  readonly minHoldMs: number;
  readonly retryMs: number;
  /** The type to ask for where it is not the usual one. */
  readonly typeFor: (line: Line) => MarketDataType | undefined;
  /** A line may be sent now that could not be before. */
  readonly onDue: () => void;
  /** A line has no request any more: whoever keeps it may forget it. */
  readonly onEnded: (line: Line) => void;
  /** The gateway had no line for it: told before the ledger learns of it. */
  readonly onNoRoom: (line: Line) => void;
  /** The broker does not know its contract, or lets the account not see it. */
  readonly onRefused: (line: Line, refusal: Refusal) => void;
}

const RETRY_MAX_MS = 60_000;

/**
 * The way of one line to the gateway and back: contract details, a place in the ledger, the request, the gateway's
 * verdict on it, the minimum hold, the cancel. It decides about no line; streams.ts does.
 */
export class LineRequests {
  readonly #options: LineRequestsOptions;
  readonly #byReqId = new Map<number, Line>();

  constructor(options: LineRequestsOptions) {
    this.#options = options;
  }

  /** @returns undefined for a request that has ended, or was never ours */
  lineOf(reqId: number): Line | undefined {
    return this.#byReqId.get(reqId);
  }

  /** Sends the request, or says in the line's reason what it waits for. */
  send(line: Line): void {
    const { gateway, contracts, ledger } = this.#options;
    if (!gateway.isReady || line.request || line.timer || line.resolving) return;
    const details = contracts.peek(line.conId);
    if (!details) {
      this.#resolve(line);
      return;
    }
    const use = ledger.take('stream');
    if (!use) {
      const wait = 'waits for a line that is being given back';
      line.enter('wanted', Date.now(), line.doubt === undefined ? wait : `${line.doubt}; ${wait}`);
      return;
    }
    const type = this.#options.typeFor(line);
    const reqId = gateway.requests.requestMarketData(requestContractOf(details), 'stream', type);
    const { priceMagnifier } = details;
    const sentAt = Date.now();
    const sentTick = performance.now();
    const isFrozen = type === 2 || type === 4;
    line.request = { reqId, use, priceMagnifier, sentTick, sentAt, isConfirmed: false, isFrozen };
    this.#byReqId.set(reqId, line);
    line.enter('sent', sentAt, line.doubt ?? 'requested, no message yet');
  }

  /** Cancels after the minimum hold; until then `line.clearTimers` keeps it. */
  letGo(line: Line, reason: string): void {
    if (!line.request) return;
    line.clearTimers();
    line.enter('ended', Date.now(), reason);
    const holdLeftMs = line.request.sentTick + this.#options.minHoldMs - performance.now();
    if (holdLeftMs <= 0) this.cancel(line, reason);
    else line.timer = setTimeout(() => this.cancel(line, reason), holdLeftMs);
  }

  cancel(line: Line, reason: string): void {
    const { gateway, ledger } = this.#options;
    const request = this.end(line, reason);
    if (!request) return;
    if (gateway.isReady) gateway.requests.cancelMarketData(request.reqId);
    ledger.cancelled(request.use);
  }

  /**
   * Nothing of the line's request is listened to any more.
   * @returns the request, whose use the caller gives back to the ledger
   */
  end(line: Line, reason: string): LineRequest | undefined {
    const { request } = line;
    if (!request) return undefined;
    line.clearTimers();
    line.request = undefined;
    line.suspicion = undefined;
    line.silence('stale');
    line.enter('wanted', Date.now(), reason);
    this.#byReqId.delete(request.reqId);
    this.#options.onEnded(line);
    return request;
  }

  /** The connection is gone, and every request of it. */
  forget(lines: Iterable<Line>): void {
    for (const line of lines) {
      line.clearTimers();
      line.request = undefined;
      line.suspicion = undefined;
      line.silence('stale');
    }
    this.#byReqId.clear();
    this.#options.ledger.reset();
  }

  /** Another attempt, later and later. */
  tryLater(line: Line, reason: string): void {
    const delayMs = Math.min(RETRY_MAX_MS, this.#options.retryMs * 2 ** line.failedAttempts);
    line.failedAttempts = Math.min(line.failedAttempts + 1, 16);
    line.clearTimers();
    line.enter('wanted', Date.now(), `${reason}; tried again in ${Math.round(delayMs / 1000)} s`);
    line.timer = setTimeout(() => {
      line.timer = undefined;
      this.#options.onDue();
    }, delayMs);
  }

  /** An error on the request's own id: most of them end it. */
  onNotice(line: Line, { code, message, meaning }: Extract<LineEvent, { type: 'requestNotice' }>): void {
    const { ledger, log, onNoRoom, onRefused } = this.#options;
    const text = `${message} (code ${code})`;
    switch (meaning) {
      case 'harmless':
      case 'competing-session':
        return;
      case 'no-line': {
        onNoRoom(line);
        const request = this.end(line, text);
        if (request) ledger.refused(request.use);
        log.warn('line-cap-learned', { conId: line.conId, cap: ledger.cap, code });
        return;
      }
      case 'shed': {
        const request = this.end(line, text);
        if (line.owners.length > 0) this.tryLater(line, text);
        if (request) ledger.ended(request.use);
        return;
      }
      case 'refused':
      case 'no-permission': {
        const request = this.end(line, text);
        onRefused(line, { text, meaning });
        if (request) ledger.ended(request.use);
        return;
      }
      default:
        meaning satisfies never;
    }
  }

  #resolve(line: Line): void {
    const controller = new AbortController();
    line.resolving = controller;
    line.enter('wanted', Date.now(), 'its contract details are asked for');
    this.#options.contracts.resolve(line.conId, controller.signal).then(
      () => {
        if (controller.signal.aborted) return;
        line.resolving = undefined;
        this.#options.onDue();
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        line.resolving = undefined;
        const text = error instanceof Error ? error.message : String(error);
        if (isRefusal(error)) this.#options.onRefused(line, { text, meaning: 'refused' });
        else this.tryLater(line, `its contract details did not come: ${text}`);
      },
    );
  }
}
