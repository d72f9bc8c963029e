import { decimal } from '../../shared/decimal.ts';
import type { Book } from './book.ts';
import type { Day } from './calendar.ts';
import type { Catalogue } from './catalogue.ts';
import { farmNotice } from './farms.ts';
import type { FaultOf } from './faults.ts';
import type { Field } from './frames.ts';
import { type MarketHours, shownHours } from './hours.ts';
import type { Market } from './market.ts';
import type { Answer, MarketData, Subscriber } from './market-data.ts';
import * as messages from './messages.ts';
import { FARMS_ARE_UP, NOTICES, type Notice, noticeOf } from './notices.ts';
import type { Position } from './portfolio.ts';
import type { ContractQuery, Request } from './requests.ts';
import type { StandingFaults } from './standing-faults.ts';

/** What all sessions of one gateway share. */
export interface Floor {
  readonly accounts: readonly string[];
  readonly catalogue: Catalogue;
  readonly book: Book;
  readonly market: Market;
  readonly marketData: MarketData;
  /** By client id: the one account whose updates it has subscribed. */
  readonly accountUpdates: Map<number, string>;
  readonly faults: StandingFaults;
  readonly today: Day;
  readonly marketHours: MarketHours;
}

/** The socket's side of a session. */
export interface Wire {
  readonly version: number;
  readonly backlogBytes: number;
  send(messages: readonly (readonly Field[])[]): void;
  /** What no frame is made of. */
  sendBytes(bytes: Buffer): void;
}

/** One client after startApi: what it asked for, and what it is owed. */
export class Session implements Subscriber {
  readonly clientId: number;
  readonly #floor: Floor;
  readonly #wire: Wire;
  readonly #unsubscribe: () => void;
  #marketDataType = 1;
  #wantsPositions = false;
  /** By request id: the account, and the one model that was asked for. */
  readonly #accountLists = new Map<number, { readonly account: string; readonly modelCode: string }>();

  constructor(options: { readonly clientId: number; readonly floor: Floor; readonly wire: Wire }) {
    this.clientId = options.clientId;
    this.#floor = options.floor;
    this.#wire = options.wire;
    this.#unsubscribe = this.#floor.book.onChange((row) => this.#push(row));
  }

  get marketDataType(): number {
    return this.#marketDataType;
  }

  get version(): number {
    return this.#wire.version;
  }

  get backlogBytes(): number {
    return this.#wire.backlogBytes;
  }

  send(list: readonly (readonly Field[])[]): void {
    this.#wire.send(list);
  }

  sendBytes(bytes: Buffer): void {
    this.#wire.sendBytes(bytes);
  }

  notify(id: number, notice: Notice): void {
    this.send([messages.notice(this.#wire.version, id, notice, Date.now())]);
  }

  greet(): void {
    this.send([messages.managedAccounts(this.#floor.accounts), messages.nextValidId(1)]);
    const { faults } = this.#floor;
    const greeting = faults.of('greeting');
    for (const notice of greeting?.notices ?? FARMS_ARE_UP) this.notify(-1, notice);
    if (greeting !== undefined)
      faults.exercise(greeting, `${greeting.notices.length} notices at the beginning`);
    const link = faults.of('link-lost');
    if (link !== undefined) this.notify(-1, noticeOf(link.code, link.text));
    const broken = faults.of('farm-broken');
    if (broken !== undefined) this.notify(-1, farmNotice(broken, false));
  }

  close(): void {
    this.#unsubscribe();
    this.#floor.accountUpdates.delete(this.clientId);
    this.#floor.marketData.forget(this);
  }

  /** Carries out a request; a refusal has been sent when this returns. */
  handle(request: Exclude<Request, { name: 'startApi' }>, rawName: string): Answer {
    const answer = this.#carryOut(request, rawName);
    if (answer.notice !== undefined)
      this.notify('reqId' in request ? request.reqId : idOf(request), answer.notice);
    return answer;
  }

  #carryOut(request: Exclude<Request, { name: 'startApi' }>, rawName: string): Answer {
    switch (request.name) {
      case 'reqMktData':
        return this.#floor.marketData.request(this, request);
      case 'cancelMktData':
        return this.#floor.marketData.cancel(this, request.reqId);
      case 'reqContractDetails':
        return this.#contractDetails(request.reqId, request.contract);
      case 'reqPositions':
        return this.#positions();
      case 'cancelPositions':
        this.#wantsPositions = false;
        return {};
      case 'reqPositionsMulti':
        return this.#accountPositions(request);
      case 'cancelPositionsMulti':
        this.#accountLists.delete(request.reqId);
        return {};
      case 'reqAccountUpdates':
        return this.#accountUpdates(request);
      case 'reqMarketDataType':
        if (request.type < 1 || request.type > 4) return { notice: NOTICES.badMarketDataType(request.type) };
        this.#marketDataType = request.type;
        return {};
      case 'reqIds':
        this.send([messages.nextValidId(1)]);
        return {};
      case 'reqManagedAccts':
        this.send([messages.managedAccounts(this.#floor.accounts)]);
        return {};
      case 'reqCurrentTime':
        this.send([messages.currentTime(Math.floor(Date.now() / 1000))]);
        return {};
      case 'order':
        return { notice: NOTICES.readOnly };
      case 'other':
        return { notice: NOTICES.notSimulated(rawName) };
      case 'unknown':
        return { notice: NOTICES.unknownMessage };
      default:
        return request satisfies never;
    }
  }

  #positions(): Answer {
    const { accounts, book, faults } = this.#floor;
    if (accounts.length > ACCOUNTS_IN_ONE_LIST_MAX) return { notice: NOTICES.tooManyAccounts };
    this.#wantsPositions = true;
    const fault = faults.of('positions');
    const all = book.accountPositions;
    const told = fault === undefined ? all : listed(fault, all);
    const rows = told.flatMap((row) => this.#positionRow(row));
    this.send(fault?.answer === 'never-end' ? rows : [...rows, messages.positionEnd()]);
    this.#spoiled(fault, told.length, all.length);
    return {};
  }

  #accountPositions(request: Extract<Request, { name: 'reqPositionsMulti' }>): Answer {
    const { reqId, account, modelCode } = request;
    const { accounts, book, faults } = this.#floor;
    if (!accounts.includes(account)) return { notice: NOTICES.unknownAccount };
    if (this.#accountLists.has(reqId)) return { notice: NOTICES.duplicateTicker };
    this.#accountLists.set(reqId, { account, modelCode });
    const fault = faults.of('positions', (each) => each.account === undefined || each.account === account);
    const all = book.positions.filter((row) => isOf(row, { account, modelCode }));
    const told = fault === undefined ? all : listed(fault, all);
    const rows = told.flatMap((row) => this.#positionRow(row, reqId));
    this.send(fault?.answer === 'never-end' ? rows : [...rows, messages.positionMultiEnd(reqId)]);
    this.#spoiled(fault, told.length, all.length);
    return {};
  }

  #spoiled(
    fault: FaultOf<'positions'> | FaultOf<'account-updates'> | undefined,
    told: number,
    all: number,
  ): void {
    if (fault === undefined) return;
    this.#floor.faults.exercise(fault, `${fault.answer}: ${told} of ${all} rows`);
    this.#floor.faults.use(fault);
  }

  /** What the holdings of the subscribed account are worth now. */
  updateAccount(): void {
    const account = this.#accountWanted;
    if (account === undefined || this.#isSilent) return;
    this.send([...this.#portfolioRows(account), accountTime()]);
  }

  get #accountWanted(): string | undefined {
    return this.#floor.accountUpdates.get(this.clientId);
  }

  get #isSilent(): boolean {
    return this.#floor.faults.of('silence', ({ what }) => what === 'everything') !== undefined;
  }

  #push(row: Position): void {
    if (this.#isSilent) return;
    for (const [reqId, wanted] of this.#accountLists) {
      if (isOf(row, wanted)) this.send(this.#positionRow(row, reqId));
    }
    const total = this.#totalOf(row);
    if (this.#wantsPositions) this.send(this.#positionRow(total));
    if (this.#accountWanted === row.account) this.send(this.#portfolioRow(total));
  }

  /** As lists that know no models have it. */
  #totalOf(row: Position): Position {
    const { account, conId } = row;
    const total = this.#floor.book.accountPositions.find(
      (each) => each.account === account && each.conId === conId,
    );
    return total ?? { account, conId, quantity: '0', averageCost: '0' };
  }

  /** @param reqId of the account's own list, without it of the list of all */
  #positionRow(row: Position, reqId?: number): Field[][] {
    const instrument = this.#floor.catalogue.instruments.get(row.conId);
    if (instrument === undefined) return [];
    return [
      reqId === undefined
        ? messages.position(instrument, row)
        : messages.positionMulti(reqId, instrument, row),
    ];
  }

  #contractDetails(reqId: number, query: ContractQuery): Answer {
    const { catalogue, today, marketHours, faults } = this.#floor;
    const lost = faults.of('link-lost');
    if (lost !== undefined) {
      faults.exercise(lost, 'a request was answered by 200');
      return { notice: NOTICES.noDefinition };
    }
    const found = catalogue.find(query);
    const conId = query.conId > 0 ? { conId: query.conId } : {};
    if (found.length === 0) return { ...conId, notice: NOTICES.noDefinition };
    const rows = found.map((instrument) =>
      messages.contractDetails(this.#wire.version, reqId, {
        instrument,
        underlying: catalogue.instruments.get(instrument.underConId ?? 0),
        exchange: query.exchange ?? instrument.contract.exchange,
        hours: shownHours(instrument, { today, hours: marketHours }),
      }),
    );
    this.send([...rows, messages.contractDetailsEnd(reqId)]);
    return conId;
  }

  #accountUpdates(request: { readonly subscribe: boolean; readonly account: string }): Answer {
    const { accounts, accountUpdates } = this.#floor;
    if (!request.subscribe) {
      accountUpdates.delete(this.clientId);
      return {};
    }
    const account = request.account === '' ? accounts[0] : request.account;
    if (account === undefined || !accounts.includes(account)) {
      return { notice: NOTICES.unknownAccount };
    }
    const others = [...accountUpdates].filter(([client, of]) => client !== this.clientId && of !== account);
    if (others.length > 0) {
      return { notice: NOTICES.accountUpdatesElsewhere(others.map(([client]) => client)) };
    }
    const before = this.#accountWanted;
    if (before !== undefined && before !== account) this.notify(-1, NOTICES.accountUpdatesReplaced);
    accountUpdates.set(this.clientId, account);
    const { faults } = this.#floor;
    const fault = faults.of('account-updates');
    const rows = this.#portfolioRows(account);
    const told = fault === undefined ? rows : rows.slice(0, Math.floor(rows.length * toldShare(fault)));
    this.send([
      messages.accountValue('AccountCode', account, '', account),
      messages.accountValue('AccountReady', String(fault?.answer !== 'not-ready'), '', account),
      ...told,
      accountTime(),
      ...(fault?.answer === 'never-end' ? [] : [messages.accountDownloadEnd(account)]),
    ]);
    this.#spoiled(fault, told.length, rows.length);
    return {};
  }

  #portfolioRows(account: string): Field[][] {
    return this.#floor.book.accountPositions
      .filter((row) => row.account === account)
      .flatMap((row) => this.#portfolioRow(row));
  }

  #portfolioRow(row: Position): Field[][] {
    const { catalogue, market } = this.#floor;
    const instrument = catalogue.instruments.get(row.conId);
    const price = market.quote(row.conId)?.last;
    if (instrument === undefined || price === undefined) return [];
    const perContract = (price / instrument.priceMagnifier) * Number(instrument.contract.multiplier ?? 1);
    const marketValue = Number(row.quantity) * perContract;
    const cost = Number(row.quantity) * Number(row.averageCost);
    return [
      messages.updatePortfolio(instrument, row, {
        marketPrice: price,
        marketValue: Number(decimal(marketValue)),
        unrealisedPnl: marketValue - cost,
      }),
    ];
  }
}

/** Above it reqPositions is refused; in which words is not documented. */
const ACCOUNTS_IN_ONE_LIST_MAX = 50;

function isOf(row: Position, wanted: { readonly account: string; readonly modelCode: string }): boolean {
  if (row.account !== wanted.account) return false;
  return wanted.modelCode === '' || row.modelCode === wanted.modelCode;
}

/** What of a list is told: the first rows, of all or of the account that is spoiled. */
function listed(fault: FaultOf<'positions'>, rows: readonly Position[]): readonly Position[] {
  const spoiled = rows.filter((row) => fault.account === undefined || row.account === fault.account);
  const left = new Set(spoiled.slice(Math.floor(spoiled.length * toldShare(fault))));
  return rows.filter((row) => !left.has(row));
}

function toldShare({ answer, share }: FaultOf<'positions'> | FaultOf<'account-updates'>): number {
  return { 'never-end': 1, 'not-ready': 1, empty: 0, partial: share }[answer];
}

function accountTime(): Field[] {
  return messages.accountTime(new Date().toISOString().slice(11, 16));
}

function idOf(request: Request): number {
  return request.name === 'order' ? request.orderId : -1;
}
