import type { SimulatedGateway } from './gateway.ts';
import type { Injection } from './injector.ts';
import type { ReceivedRequest } from './request-log.ts';
import type { Scenario, ScenarioStep } from './scenario.ts';

export interface StepReport {
  readonly step: ScenarioStep;
  /** Epoch milliseconds; absent while what it waits for has not happened. */
  readonly injectedAt?: number;
  /** The fault reached somebody since. */
  readonly isExercised: boolean;
  /** Why it could not be injected. */
  readonly failure?: string;
}

interface Injected {
  readonly at: number;
  readonly injection?: Injection;
  readonly failure?: string;
}

/** Injects the faults of a scenario at their times, and knows which of them were exercised. */
export class ScenarioRun {
  readonly #gateway: SimulatedGateway;
  readonly #scenario: Scenario;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #injected = new Map<ScenarioStep, Injected>();
  readonly #seen = { ready: 0, positions: 0, line: 0 };
  #unsubscribe: (() => void) | undefined;

  constructor(options: { readonly gateway: SimulatedGateway; readonly scenario: Scenario }) {
    this.#gateway = options.gateway;
    this.#scenario = options.scenario;
  }

  start(): void {
    this.#unsubscribe = this.#gateway.onRequest((request) => this.#onRequest(request));
    this.#schedule('start', 1);
  }

  /** Steps that are still to come do not; standing faults stand until the gateway stops. */
  stop(): void {
    this.#unsubscribe?.();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  report(): StepReport[] {
    return this.#scenario.steps.map((step) => {
      const injected = this.#injected.get(step);
      if (injected === undefined) return { step, isExercised: false };
      const { at, injection, failure } = injected;
      return {
        step,
        injectedAt: at,
        isExercised: injection?.isExercised ?? false,
        ...(failure === undefined ? {} : { failure }),
      };
    });
  }

  #onRequest({ name, snapshot, refusedWith }: ReceivedRequest): void {
    if (refusedWith !== undefined) return;
    const anchor =
      name === 'startApi'
        ? 'ready'
        : name === 'reqPositions'
          ? 'positions'
          : name === 'reqMktData' && snapshot === false
            ? 'line'
            : undefined;
    if (anchor === undefined) return;
    this.#seen[anchor] += 1;
    this.#schedule(anchor, this.#seen[anchor]);
  }

  #schedule(anchor: ScenarioStep['after'], nth: number): void {
    for (const step of this.#scenario.steps) {
      if (step.after !== anchor || step.nth !== nth) continue;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#inject(step);
      }, step.atMs);
      this.#timers.add(timer);
    }
  }

  #inject(step: ScenarioStep): void {
    const at = Date.now();
    try {
      this.#injected.set(step, { at, injection: this.#gateway.inject(step.fault, step.forMs) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#injected.set(step, { at, failure: error.message });
    }
  }
}
