import { z } from 'zod';

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: texts,
  Resource: texts,
  Principal: z.unknown().optional(),
  Condition: z.record(z.string(), z.unknown()).optional(),
});

/** What of IAM's policy language the stacks use; NotAction and its like are a fault, never silently something else. */
export const policyDocument = z.strictObject({
  Version: z.string(),
  Id: z.string().optional(),
  Statement: z.array(statementSchema),
});

export type Statement = z.infer<typeof statementSchema>;

export interface Policy {
  /** `<stack>/<logical id>` in the templates. */
  readonly name: string;
  readonly statements: readonly Statement[];
}

/** Who may do what, as the templates say it. */
export interface Permissions {
  /** Access key id -> the policies of that identity. */
  readonly identities: ReadonlyMap<string, readonly Policy[]>;
  /** ARN of a queue or bucket -> its own policy. */
  readonly resources: ReadonlyMap<string, Policy>;
}

export const NO_PERMISSIONS: Permissions = { identities: new Map(), resources: new Map() };

/** @returns a name that tells a person which statement is meant */
export function sidOf(statement: Statement): string {
  return statement.Sid ?? `${statement.Effect} ${statement.Action.join(' ')}`;
}
