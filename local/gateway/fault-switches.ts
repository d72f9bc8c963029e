import type { StandingFault } from './faults.ts';

/** The plainest faults, as switches: what most tests of a client need. */
export interface Faults {
  /** New connections are closed at once. */
  refuseConnections: boolean;
  /** Connections are accepted, versions agreed, and then nothing: never nextValidId, no answer to anything. */
  mute: boolean;
  /** reqPositions is answered by rows without positionEnd. */
  holdPositionEnd: boolean;
}

/** Each switch is a standing fault that is injected and ended. */
export class FaultSwitches implements Faults {
  readonly #inject: (fault: StandingFault) => { end(): void };
  readonly #on = new Map<keyof Faults, { end(): void }>();

  constructor(inject: (fault: StandingFault) => { end(): void }, initial: Partial<Faults>) {
    this.#inject = inject;
    Object.assign(this, initial);
  }

  get refuseConnections(): boolean {
    return this.#on.has('refuseConnections');
  }

  set refuseConnections(isOn: boolean) {
    this.#switch('refuseConnections', isOn, { kind: 'connections-refused' });
  }

  get mute(): boolean {
    return this.#on.has('mute');
  }

  set mute(isOn: boolean) {
    this.#switch('mute', isOn, { kind: 'mute-handshake' });
  }

  get holdPositionEnd(): boolean {
    return this.#on.has('holdPositionEnd');
  }

  set holdPositionEnd(isOn: boolean) {
    this.#switch('holdPositionEnd', isOn, { kind: 'positions', answer: 'never-end', share: 1 });
  }

  #switch(name: keyof Faults, isOn: boolean, fault: StandingFault): void {
    if (isOn === this.#on.has(name)) return;
    if (isOn) this.#on.set(name, this.#inject(fault));
    else {
      this.#on.get(name)?.end();
      this.#on.delete(name);
    }
  }
}
