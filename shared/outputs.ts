import * as z from 'zod';
import { describeFaults } from './message.ts';
import { ACCESS_OUTPUTS, OUTPUTS } from './names.ts';
import { bridgeIdSchema } from './snapshot.ts';

/** What bridge and command line know of the cloud side. */
export interface CloudOutputs {
  readonly region: string;
  readonly snapshotQueueUrl: string;
  readonly snapshotDeadLetterQueueUrl: string;
  /** bridge id -> URL of its feed queue */
  readonly feedQueueUrls: Readonly<Record<string, string>>;
  readonly registryTable: string;
  readonly positionsTable: string;
  readonly auditTable: string;
  readonly lakeBucket: string;
  /** Where the deployment takes certificates: IAM Roles Anywhere. */
  readonly bridgeAccess?: {
    readonly trustAnchorArn: string;
    readonly profileArn: string;
    /** bridge id -> ARN of its role */
    readonly roleArns: Readonly<Record<string, string>>;
  };
}

const name = z.string().min(1);
const jsonText = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON text' });
    return z.NEVER;
  }
});

const valuesSchema = z.object({
  [OUTPUTS.region]: name,
  [OUTPUTS.snapshotQueueUrl]: z.url(),
  [OUTPUTS.snapshotDeadLetterQueueUrl]: z.url(),
  [OUTPUTS.feedQueueUrls]: jsonText.pipe(z.record(bridgeIdSchema, z.url())),
  [OUTPUTS.registryTable]: name,
  [OUTPUTS.positionsTable]: name,
  [OUTPUTS.auditTable]: name,
  [OUTPUTS.lakeBucket]: name,
});

const bridgeAccessSchema = z.object({
  [ACCESS_OUTPUTS.trustAnchorArn]: name,
  [ACCESS_OUTPUTS.bridgeProfileArn]: name,
  [ACCESS_OUTPUTS.bridgeRoleArns]: jsonText.pipe(z.record(bridgeIdSchema, name)),
});

const fileSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

/**
 * Reads what `cdk deploy --outputs-file` wrote: `{ "<stack>": { "<output>": "<value>" } }`, any number of stacks.
 * @throws Error naming every output that is missing or wrong
 */
export function parseOutputs(text: string): CloudOutputs {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`the outputs file is not JSON: ${(cause as Error).message}`, { cause });
  }
  const stacks = fileSchema.safeParse(json);
  if (!stacks.success) throw new Error(`the outputs file has another shape: ${describeFaults(stacks.error)}`);
  const merged: Record<string, unknown> = Object.assign({}, ...Object.values(stacks.data));
  const values = valuesSchema.safeParse(merged);
  if (!values.success) throw new Error(`the outputs file lacks something: ${describeFaults(values.error)}`);
  const found = values.data;
  return {
    region: found[OUTPUTS.region],
    snapshotQueueUrl: found[OUTPUTS.snapshotQueueUrl],
    snapshotDeadLetterQueueUrl: found[OUTPUTS.snapshotDeadLetterQueueUrl],
    feedQueueUrls: found[OUTPUTS.feedQueueUrls],
    registryTable: found[OUTPUTS.registryTable],
    positionsTable: found[OUTPUTS.positionsTable],
    auditTable: found[OUTPUTS.auditTable],
    lakeBucket: found[OUTPUTS.lakeBucket],
    ...bridgeAccess(merged),
  };
}

function bridgeAccess(merged: Record<string, unknown>): Pick<CloudOutputs, 'bridgeAccess'> {
  if (merged[ACCESS_OUTPUTS.trustAnchorArn] === undefined) return {};
  const values = bridgeAccessSchema.safeParse(merged);
  if (!values.success) throw new Error(`the outputs file lacks something: ${describeFaults(values.error)}`);
  const found = values.data;
  return {
    bridgeAccess: {
      trustAnchorArn: found[ACCESS_OUTPUTS.trustAnchorArn],
      profileArn: found[ACCESS_OUTPUTS.bridgeProfileArn],
      roleArns: found[ACCESS_OUTPUTS.bridgeRoleArns],
    },
  };
}
