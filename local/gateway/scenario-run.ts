import type { SimulatedGateway } from './gateway.ts';
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

/** Injects the faults of a scenario at their times, and knows which of them were exercised. */
export class ScenarioRun {
  readonly #gateway: SimulatedGateway;
  readonly #scenario: Scenario;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #injected = new Map<ScenarioStep, { at: number; isExercised: boolean; failure?: string }>();
  readonly #seen = { ready: 0, positions: 0, line: 0 };
  #unsubscribes: (() => void)[] = [];

  constructor(options: { readonly gateway: SimulatedGateway; readonly scenario: Scenario }) {
    this.#gateway = options.gateway;
    this.#scenario = options.scenario;
  }

  start(): void {
    this.#unsubscribes = [
      this.#gateway.onRequest((request) => this.#onRequest(request)),
      this.#gateway.onFault(({ kind }) => {
        for (const [step, injected] of this.#injected) {
          if (step.fault.kind === kind) injected.isExercised = true;
        }
      }),
    ];
    this.#schedule('start', 1);
  }

  /** Steps that are still to come do not; standing faults stand until the gateway stops. */
  stop(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  report(): StepReport[] {
    return this.#scenario.steps.map((step) => {
      const injected = this.#injected.get(step);
      if (injected === undefined) return { step, isExercised: false };
      const { at, isExercised, failure } = injected;
      return { step, injectedAt: at, isExercised, ...(failure === undefined ? {} : { failure }) };
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
    const injected: { at: number; isExercised: boolean; failure?: string } = {
      at: Date.now(),
      isExercised: false,
    };
    this.#injected.set(step, injected);
    try {
      this.#gateway.inject(step.fault, step.forMs);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      injected.failure = error.message;
    }
  }
}
