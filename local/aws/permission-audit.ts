import { BY_TLS, CONTRARY, type Context } from './context.ts';
import { evaluate } from './evaluate.ts';
import type { RecordedAccess } from './journal.ts';
import { type Permissions, type Policy, type Statement, sidOf } from './policy.ts';
import { neverUsed, usedSeldom } from './unexercised.ts';

export interface UnneededStatement {
  /** `<stack>/<logical id>` */
  readonly policy: string;
  readonly sid: string;
}

export interface UnusedGrant {
  readonly principal: string;
  readonly sid: string;
  readonly action: string;
  readonly resource: string;
  /** Why it is there all the same; absent when nobody knows. */
  readonly reason?: string;
}

/**
 * Asks of every statement whether anything recorded would end differently without it: a call that is allowed must be
 * refused, and a call that came without proper TLS must no longer be. Statements that no local run can use are left
 * out.
 * @param accesses of one run or of several, with the permissions of all of them being these
 * @returns the statements whose removal nobody would notice
 */
export async function unneededStatements(
  permissions: Permissions,
  accesses: readonly RecordedAccess[],
): Promise<readonly UnneededStatement[]> {
  const unneeded: UnneededStatement[] = [];
  for (const { policy, statement, without, concerns } of removals(permissions)) {
    if (statement.Effect === 'Allow' && statement.Action.every((action) => neverUsed(action))) continue;
    const contexts = statement.Effect === 'Allow' ? [BY_TLS] : CONTRARY;
    const recorded = accesses.filter(concerns);
    if (await isNoticed({ before: permissions, after: without, recorded, contexts })) continue;
    unneeded.push({ policy: policy.name, sid: sidOf(statement) });
  }
  return unneeded;
}

interface Removal {
  readonly policy: Policy;
  readonly statement: Statement;
  readonly without: Permissions;
  readonly concerns: (access: RecordedAccess) => boolean;
}

function* removals(permissions: Permissions): Generator<Removal> {
  const { identities, resources } = permissions;
  for (const [principal, policies] of identities) {
    for (const policy of policies) {
      for (const statement of policy.statements) {
        const rest = policies.map((each) => (each === policy ? minus(policy, statement) : each));
        const without = { identities: new Map([...identities, [principal, rest]]), resources };
        yield { policy, statement, without, concerns: (access) => access.principal === principal };
      }
    }
  }
  for (const [arn, policy] of resources) {
    for (const statement of policy.statements) {
      const without = { identities, resources: new Map([...resources, [arn, minus(policy, statement)]]) };
      const concerns = ({ resource }: RecordedAccess) => resource === arn || resource.startsWith(`${arn}/`);
      yield { policy, statement, without, concerns };
    }
  }
}

function minus(policy: Policy, statement: Statement): Policy {
  return { ...policy, statements: policy.statements.filter((each) => each !== statement) };
}

async function isNoticed(options: {
  readonly before: Permissions;
  readonly after: Permissions;
  readonly recorded: readonly RecordedAccess[];
  readonly contexts: readonly Context[];
}): Promise<boolean> {
  const { before, after, recorded, contexts } = options;
  for (const context of contexts) {
    for (const { principal, action, resource } of recorded) {
      const question = { principal, action, resource, context };
      const [was, is] = [await evaluate(before, question), await evaluate(after, question)];
      if ((was.kind === 'allowed') !== (is.kind === 'allowed')) return true;
    }
  }
  return false;
}

/** @returns each granted pair of action and resource that no recorded call needed, with the reason where one is known */
export async function unusedGrants(
  permissions: Permissions,
  accesses: readonly RecordedAccess[],
): Promise<readonly UnusedGrant[]> {
  const unused: UnusedGrant[] = [];
  for (const [principal, policies] of permissions.identities) {
    const own = accesses.filter((access) => access.principal === principal);
    const absent = own.length === 0 ? 'made no call in this run' : undefined;
    for (const statement of policies.flatMap(({ statements }) => statements)) {
      if (statement.Effect === 'Deny') continue;
      const sid = sidOf(statement);
      for (const [action, resource] of pairs(statement)) {
        if (await isUsed({ ...statement, Action: [action], Resource: [resource] }, own)) continue;
        const reason = neverUsed(action) ?? absent ?? usedSeldom(sid);
        unused.push({ principal, sid, action, resource, ...(reason !== undefined && { reason }) });
      }
    }
  }
  return unused;
}

async function isUsed(grant: Statement, accesses: readonly RecordedAccess[]): Promise<boolean> {
  const [granted = ''] = grant.Action;
  for (const { principal, action, resource, context } of accesses) {
    if (!granted.includes('*') && granted.toLowerCase() !== action.toLowerCase()) continue;
    const alone = { name: 'alone', statements: [grant] };
    const permissions = { identities: new Map([[principal, [alone]]]), resources: new Map() };
    const verdict = await evaluate(permissions, { principal, action, resource, context });
    if (verdict.kind === 'allowed') return true;
  }
  return false;
}

function pairs({ Action, Resource }: Statement): (readonly [action: string, resource: string])[] {
  return Action.flatMap((action) => Resource.map((resource) => [action, resource] as const));
}
