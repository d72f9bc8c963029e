import type { Fault, FaultKind, FaultOf, StandingFault } from './faults.ts';

/** A fault that did something to somebody. */
export interface ExercisedFault {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly kind: FaultKind;
  /** What happened, in words. */
  readonly detail: string;
  /** Clients, lines, requests, positions or pieces that it reached; never 0. */
  readonly affected: number;
}

/** The newest effects that are kept; a fault that acts on every request would grow without end. */
const EXERCISED_MAX = 10_000;

/**
 * The faults that stand now, asked by whoever has to misbehave, and the log of all that were exercised: a fault that
 * was injected and reached nobody is not in it.
 */
export class StandingFaults {
  readonly #active: StandingFault[] = [];
  readonly #uses = new Map<StandingFault, number>();
  readonly #exercised: ExercisedFault[] = [];
  readonly #didSomething = new WeakSet<Fault>();
  readonly #listeners = new Set<(fault: ExercisedFault) => void>();
  /** Effects too frequent to be told each, told once per fault. */
  readonly #told = new WeakSet<StandingFault>();

  get exercised(): readonly ExercisedFault[] {
    return this.#exercised;
  }

  /** @returns unsubscribe */
  onExercised(listener: (fault: ExercisedFault) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(fault: StandingFault): void {
    this.#active.push(fault);
  }

  /** @returns whether it stood */
  remove(fault: StandingFault): boolean {
    const index = this.#active.indexOf(fault);
    if (index < 0) return false;
    this.#active.splice(index, 1);
    this.#uses.delete(fault);
    return true;
  }

  /** @returns the one injected last, undefined while none stands */
  of<K extends StandingFault['kind']>(
    kind: K,
    fits: (fault: FaultOf<K>) => boolean = () => true,
  ): FaultOf<K> | undefined {
    return this.#active.findLast((fault): fault is FaultOf<K> & StandingFault => {
      return fault.kind === kind && fits(fault as FaultOf<K>);
    });
  }

  /** Counts against `times`: after the last one it stands no more. */
  use(fault: StandingFault & { readonly times?: number | undefined }): void {
    if (fault.times === undefined) return;
    const uses = (this.#uses.get(fault) ?? 0) + 1;
    this.#uses.set(fault, uses);
    if (uses >= fault.times) this.remove(fault);
  }

  isExercised(fault: Fault): boolean {
    return this.#didSomething.has(fault);
  }

  exercise(fault: Fault, detail: string, affected = 1): void {
    if (affected === 0) return;
    this.#didSomething.add(fault);
    const entry = { at: Date.now(), kind: fault.kind, detail, affected };
    this.#exercised.push(entry);
    if (this.#exercised.length > EXERCISED_MAX) this.#exercised.shift();
    for (const listener of [...this.#listeners]) listener(entry);
  }

  exerciseOnce(fault: StandingFault, detail: string, affected = 1): void {
    if (affected === 0 || this.#told.has(fault)) return;
    this.#told.add(fault);
    this.exercise(fault, detail, affected);
  }
}
