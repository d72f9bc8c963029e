import type { Access, Call } from './access.ts';
import { isAdministrator } from './administrators.ts';
import { BY_TLS } from './context.ts';
import { evaluate, sessionArn, type Verdict } from './evaluate.ts';
import { NO_PERMISSIONS, type Permissions } from './policy.ts';

/** Verdicts that are kept; objects of the lake have names of their own, so a run of days would keep them all. */
const VERDICTS_MAX = 10_000;

export interface Denial {
  readonly access: Access;
  /** One sentence in AWS's words, with the statement that is missing or that says no. */
  readonly text: string;
}

/**
 * Says what a caller may not do. Until `permit` is called nobody but administrators may do anything: the tables and
 * queues must be there before the policies that name them can be read.
 */
export class Guard {
  #permissions: Permissions = NO_PERMISSIONS;
  readonly #verdicts = new Map<string, Promise<Verdict>>();

  get permissions(): Permissions {
    return this.#permissions;
  }

  permit(permissions: Permissions): void {
    this.#permissions = permissions;
    this.#verdicts.clear();
  }

  /** @returns what of the call is not allowed; empty when all of it is */
  async denials({ principal, accesses }: Call): Promise<readonly Denial[]> {
    if (isAdministrator(principal)) return [];
    const denials: Denial[] = [];
    for (const access of accesses) {
      const verdict = await this.#verdict(principal, access);
      if (verdict.kind !== 'allowed')
        denials.push({ access, text: this.#textOf(principal, access, verdict) });
    }
    return denials;
  }

  #verdict(principal: string, access: Access): Promise<Verdict> {
    const key = `${principal} ${access.action} ${access.resource}`;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear();
    const verdict = evaluate(this.#permissions, { principal, ...access, context: BY_TLS });
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  #textOf(
    principal: string,
    { action, resource }: Access,
    verdict: Exclude<Verdict, { kind: 'allowed' }>,
  ): string {
    const what = `User: ${sessionArn(principal)} is not authorized to perform: ${action} on resource: ${resource}`;
    if (verdict.kind === 'denied')
      return `${what} with an explicit deny in ${verdict.policy}: ${verdict.sid}`;
    if (verdict.kind === 'unclear') return `${what} because it cannot be evaluated: ${verdict.reason}`;
    const policies = this.#permissions.identities.get(principal);
    const why = `${what} because no identity-based policy allows the ${action} action`;
    if (policies === undefined) return `${why}: the stacks have no identity "${principal}"`;
    const names = policies.map(({ name }) => name).join(', ') || 'any policy: it has none';
    const statement = JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource });
    return `${why}; missing in ${names}: ${statement}`;
  }
}
