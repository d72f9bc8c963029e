import { sleep } from '../../bridge/wait.ts';
import type { Injection } from '../gateway/injector.ts';
import { applyTrade, type Deed, type Trade } from './deeds.ts';
import type { Stage } from './stage.ts';
import { until } from './until.ts';

/** What became of a deed. */
export interface Outcome {
  readonly name: string;
  /** It reached somebody: planned and not exercised is proved nothing. */
  readonly isExercised: boolean;
  readonly detail: string;
}

/** How long something may take to be possible, or to show. The bridge may be on its way up meanwhile. */
const PATIENCE_MS = 20_000;
const CHURN_PERIOD_MS = 50;
/** The disk stays full for so long after the bridge has met it. */
const DISK_FULL_MS = 2000;

/**
 * Does to the system what the plan says. What would spoil each other happens one after the other: faults of the
 * gateway; what is done to AWS and what needs it. All else happens at its time, whatever goes on.
 */
export class Performer {
  readonly #stage: Stage;
  readonly #signal: AbortSignal;
  #gatewayLane: Promise<unknown> = Promise.resolve();
  #cloudLane: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly stage: Stage; readonly signal: AbortSignal }) {
    this.#stage = options.stage;
    this.#signal = options.signal;
  }

  /** @returns once it is over, a fault that stands included @throws the signal's reason */
  perform(deed: Deed): Promise<Outcome> {
    switch (deed.do) {
      case 'fault':
        return this.#inGatewayLane(() => this.#fault(deed));
      case 'restart':
        return this.#inGatewayLane(() => this.#restart(deed));
      case 'login':
        return this.#inGatewayLane(() => this.#login(deed));
      case 'kill':
        return this.#kill();
      case 'aws-away':
        return this.#inCloudLane(() => this.#awsAway(deed));
      case 'disk-full':
        return this.#inCloudLane(() => this.#diskFull());
      case 'trade':
        this.#trade([deed.trade]);
        return Promise.resolve({ name: 'trade', isExercised: true, detail: deed.trade.type });
      case 'switch':
        return this.#inCloudLane(() => this.#switch(deed));
      case 'roll':
        // The market does not wait for the registry.
        this.#trade(deed.trades);
        return this.#inCloudLane(() => this.#roll(deed));
      default:
        return deed satisfies never;
    }
  }

  async #fault(deed: Deed & { do: 'fault' }): Promise<Outcome> {
    const { gateway } = this.#stage;
    await this.#untilStreaming();
    // Silence is a fault of what has spoken before.
    if ('ticks' in deed.fault && deed.fault.ticks === 'dead') await this.#untilTicking();
    const injection = gateway.inject(deed.fault);
    await this.#stand(injection, deed.forMs ?? 0);
    injection.end();
    const { isExercised } = injection;
    const detail = isExercised ? (gateway.faultsExercised.at(-1)?.detail ?? '') : 'it reached nobody';
    return { name: deed.name, isExercised, detail };
  }

  async #restart({ downMs, lingerMs, loading, settled }: Deed & { do: 'restart' }): Promise<Outcome> {
    const { gateway } = this.#stage;
    await this.#untilStreaming();
    const refused = gateway.inject({ kind: 'connections-refused' });
    gateway.disconnectAll();
    for (const change of settled) this.#truly(() => gateway.inject(change));
    await this.#stand(refused, downMs);
    const lingering = gateway.inject({ kind: 'client-ids-linger' });
    const { answer, share, holdings, forMs } = loading;
    const list = gateway.inject({ kind: 'positions', answer, share });
    const window = holdings && gateway.inject({ kind: 'account-updates', answer: holdings });
    const servedMs = performance.now();
    refused.end();
    await this.#stand(lingering, lingerMs);
    lingering.end();
    await this.#stand(list, forMs - (performance.now() - servedMs));
    if (window !== undefined) await this.#stand(window, 0);
    list.end();
    window?.end();
    const unmet = [
      ...(refused.isExercised ? [] : ['nobody was refused']),
      ...(lingering.isExercised ? [] : ['nobody met the old client id']),
      ...(list.isExercised ? [] : ['nobody asked for positions']),
      ...(window === undefined || window.isExercised ? [] : ["nobody asked for an account's holdings"]),
    ];
    const kinds = settled.map(({ kind }) => kind);
    return {
      name: `nightly restart, ${NAMES[answer]}${holdings === undefined ? '' : ', account window too'}`,
      isExercised: unmet.length === 0,
      detail: unmet.join(', ') || ['refused, then 326', ...kinds].join(', '),
    };
  }

  async #login({ refusedMs, muteMs }: Deed & { do: 'login' }): Promise<Outcome> {
    const { gateway, bridgeLog } = this.#stage;
    await this.#untilStreaming();
    const fromMs = Date.now();
    const refused = gateway.inject({ kind: 'connections-refused' });
    gateway.disconnectAll();
    await this.#stand(refused, refusedMs);
    const isOpened = await this.#wait(() =>
      bridgeLog.since(fromMs).some(({ text }) => text.includes('open-circuit')) ? true : undefined,
    );
    const mute = gateway.inject({ kind: 'mute-handshake' });
    refused.end();
    await this.#stand(mute, muteMs);
    mute.end();
    const unmet = [
      ...(refused.isExercised ? [] : ['nobody was refused']),
      ...(mute.isExercised ? [] : ['nobody met the silent gateway']),
      ...(isOpened ? [] : ['the circuit did not open']),
    ];
    return {
      name: 'weekly login',
      isExercised: unmet.length === 0,
      detail: unmet.join(', ') || 'refused, then silent; the circuit opened',
    };
  }

  async #kill(): Promise<Outcome> {
    const { keeper } = this.#stage;
    await this.#wait(() => (keeper.isAlive ? true : undefined));
    const victim = keeper.kill();
    await this.#wait(() => (victim?.end === undefined ? undefined : true));
    const heir = await this.#wait(async () => {
      await keeper.status();
      const next = keeper.lives.at(-1);
      return next !== victim && next?.epoch !== undefined ? next : undefined;
    });
    const isNew = heir?.epoch !== undefined && heir.epoch > (victim?.epoch ?? '');
    const before = victim?.epoch ?? 'one that had not begun';
    return {
      name: 'kill -9',
      isExercised: victim?.end?.signal === 'SIGKILL' && isNew,
      detail: `after epoch ${before} came ${heir?.epoch ?? 'none'}`,
    };
  }

  async #awsAway({ services, how, forMs, untilBound }: Deed & { do: 'aws-away' }): Promise<Outcome> {
    const { cloudPart, bridgeLog, cloudLog } = this.#stage;
    const { cloud } = cloudPart;
    const fromMs = Date.now();
    const failedRecords = () => cloud.triggers().reduce((sum, trigger) => sum + trigger.failedRecords, 0);
    const failedBefore = failedRecords();
    const isSaid = (fits: (event: string) => boolean) =>
      bridgeLog.since(fromMs).some(({ event }) => fits(event));
    const byBridge = () => isSaid((event) => AWAY.has(event));
    const byFunctions = () =>
      failedRecords() > failedBefore || cloudLog.since(fromMs).some(({ level }) => level === 'warn');
    const atBound = () => !untilBound || isSaid((event) => event === 'outbox-at-bound');
    try {
      for (const service of services) await cloud.setFault(service, how);
      await sleep(forMs, this.#signal);
      await this.#wait(() => (byBridge() && byFunctions() ? true : undefined));
      await this.#churnUntil(atBound);
    } finally {
      for (const service of services) await cloud.setFault(service, undefined);
    }
    const unmet = [
      ...(byBridge() ? [] : ['the bridge did not notice']),
      ...(byFunctions() ? [] : ['no function noticed']),
      ...(atBound() ? [] : ['the outbox did not reach its bound']),
    ];
    return {
      name: `AWS away (${services.join(', ')} ${how}${untilBound ? ', outbox at its bound' : ''})`,
      isExercised: unmet.length === 0,
      detail: unmet.join(', ') || 'bridge and functions',
    };
  }

  /**
   * A disk fills when nothing leaves the outbox, so the queue is away meanwhile. Positions change until the bridge has
   * met the end of it. Then it is killed: whoever is started on a full disk has to live with it, too.
   */
  async #diskFull(): Promise<Outcome> {
    const { disk, bridgeLog, cloudPart, keeper } = this.#stage;
    await this.#untilStreaming();
    const fromMs = Date.now();
    const isMet = () => bridgeLog.since(fromMs).some(({ text }) => FULL.test(text));
    let killed: Outcome | undefined;
    try {
      await cloudPart.cloud.setFault('sqs', 'refused');
      if (disk.isFatal) keeper.excuse();
      disk.fill();
      await this.#churnUntil(isMet);
      const endMs = performance.now() + DISK_FULL_MS;
      await this.#churnUntil(() => performance.now() >= endMs);
      killed = await this.#kill();
    } finally {
      disk.free();
      await cloudPart.cloud.setFault('sqs', undefined);
    }
    return {
      name: 'disk full, and kill -9 meanwhile',
      isExercised: isMet() && killed?.isExercised === true,
      detail: `${disk.way}: ${isMet() ? 'met' : 'not met'}; ${killed?.detail ?? 'not killed'}`,
    };
  }

  /** Every position is told anew and at another cost, so that snapshots come as fast as the disk takes them. */
  async #churnUntil(isOver: () => boolean): Promise<void> {
    const { portfolio } = this.#stage.gateway;
    let turn = 0;
    await until(
      () => {
        if (isOver()) return true;
        turn += 1;
        for (const row of portfolio.positions) portfolio.change({ ...row, averageCost: String(turn) });
        return undefined;
      },
      { deadlineMs: PATIENCE_MS, periodMs: CHURN_PERIOD_MS, signal: this.#signal },
    );
  }

  async #switch({ id, status }: Deed & { do: 'switch' }): Promise<Outcome> {
    await this.#stage.cloudPart.store.setStatus(id, status, { signal: this.#signal });
    return { name: 'registry change', isExercised: true, detail: `${id} ${status}` };
  }

  async #roll({ strategy }: Deed & { do: 'roll' }): Promise<Outcome> {
    const { store } = this.#stage.cloudPart;
    const current = await store.get(strategy.id);
    await store.put({ ...strategy, status: current?.status ?? strategy.status }, { signal: this.#signal });
    return { name: 'roll', isExercised: true, detail: strategy.id };
  }

  #trade(trades: readonly Trade[]): void {
    const { gateway } = this.#stage;
    for (const trade of trades) this.#truly(() => applyTrade(gateway.portfolio, trade));
  }

  /** Noted with the time before it: nothing that follows from it can look earlier. */
  #truly(change: () => void): void {
    const { truth, gateway } = this.#stage;
    const atMs = Date.now();
    change();
    truth.note(atMs, gateway.portfolio.positions);
  }

  /** For its time, and until it has reached somebody: the bridge may just have been killed. */
  async #stand(injection: Injection, forMs: number): Promise<void> {
    await sleep(Math.max(0, forMs), this.#signal);
    await this.#wait(() => (injection.isExercised ? true : undefined));
  }

  /** There has to be somebody whom a fault can hit. */
  async #untilStreaming(): Promise<void> {
    const { gateway } = this.#stage;
    await this.#wait(() => (gateway.stats().lines.streaming > 0 ? true : undefined));
  }

  /** Every line that the registry wants has spoken, and no deed is left that would change what it wants. */
  async #untilTicking(): Promise<void> {
    const { keeper, cloudPart } = this.#stage;
    await this.#cloudLane;
    const head = await cloudPart.store.head();
    await this.#wait(async () => {
      const { registry, lines } = (await keeper.status()) ?? {};
      if (registry?.version !== head || lines === undefined) return undefined;
      const { rows, strategies } = lines;
      const isSettled = strategies.every(({ state }) => state !== 'pending' && state !== 'stale');
      const confirmed = rows.filter(({ state }) => state === 'confirmed');
      const isHeard = confirmed.length > 0 && confirmed.every(({ ticks }) => ticks > 0);
      return isSettled && isHeard ? true : undefined;
    });
  }

  #wait<T>(check: () => T | undefined | Promise<T | undefined>): Promise<T | undefined> {
    return until(check, { deadlineMs: PATIENCE_MS, signal: this.#signal });
  }

  #inGatewayLane(work: () => Promise<Outcome>): Promise<Outcome> {
    const turn = this.#gatewayLane.then(work);
    this.#gatewayLane = turn.catch(() => undefined);
    return turn;
  }

  #inCloudLane(work: () => Promise<Outcome>): Promise<Outcome> {
    const turn = this.#cloudLane.then(work);
    this.#cloudLane = turn.catch(() => undefined);
    return turn;
  }
}

const NAMES = { empty: 'no position listed', partial: 'some positions listed' } as const;

/** What the bridge says when a service of AWS does not answer. */
const AWAY: ReadonlySet<string> = new Set(['publisher-fault', 'registry-fault', 'lease-fault']);

/** What SQLite and the operating system call it. */
const FULL = /disk is full|ENOSPC|no space left|disk I\/O error/i;
