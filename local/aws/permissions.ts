import { z } from 'zod';
import { bridgeOfPolicyPath } from '../../shared/names.ts';
import type { FunctionsPlan, StoresPlan } from './plan.ts';
import { type Permissions, type Policy, policyDocument } from './policy.ts';
import type { CloudTemplate, Resource } from './template.ts';
import { TemplateFault } from './template-fault.ts';
import type { UnderstoodType } from './understood.ts';

const names = z.array(z.string()).default([]);

const inlinePolicy = z.strictObject({ PolicyName: z.string(), PolicyDocument: policyDocument });
// Strict: a boundary or whatever else narrows a role must not be overlooked.
const roleProperties = z.strictObject({
  RoleName: z.string().optional(),
  Policies: z.array(inlinePolicy).default([]),
  ManagedPolicyArns: names,
});
const policyProperties = z.strictObject({ PolicyDocument: policyDocument });
const queuePolicyProperties = z.strictObject({ PolicyDocument: policyDocument, Queues: z.array(z.string()) });
const bucketPolicyProperties = z.strictObject({ PolicyDocument: policyDocument, Bucket: z.string() });

/**
 * The policies of everybody who signs in a local run: the functions' roles, and one identity `bridge-<id>` for each
 * bridge. Other identities of the stacks (an instance, a person) have nobody here who could use them.
 * @throws TemplateFault where a policy says what cannot be checked here
 */
export function planPermissions(
  template: CloudTemplate,
  { functions }: FunctionsPlan,
  { queues }: StoresPlan,
): Permissions {
  const identities = new Map<string, Policy[]>();
  for (const { principal } of functions) identities.set(principal, []);
  const give = (principal: string, ...policies: Policy[]) => identities.get(principal)?.push(...policies);

  for (const role of template.resources('AWS::IAM::Role')) {
    const principal = template.physicalName(role);
    if (identities.has(principal)) give(principal, ...ownPolicies(template, role));
  }
  for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'] as const) {
    for (const resource of template.resources(type)) {
      const roles = names.parse(template.property(resource, 'Roles'));
      const bridge = bridgeOfPolicyPath(String(template.property(resource, 'Path')));
      const holders = roles.filter((role) => identities.has(role));
      if (holders.length === 0 && bridge === undefined) continue;
      const { PolicyDocument } = template.properties(resource, policyProperties);
      const policy = { name: nameOf(resource), statements: PolicyDocument.Statement };
      for (const holder of holders) give(holder, policy);
      if (bridge !== undefined) identities.set(`bridge-${bridge}`, [policy]);
    }
  }
  return { identities, resources: new Map(resourcePolicies(template, queues)) };
}

function ownPolicies(template: CloudTemplate, role: Resource): Policy[] {
  const { Policies, ManagedPolicyArns } = template.properties(role, roleProperties);
  const own = new Set(template.resources('AWS::IAM::ManagedPolicy').map((each) => template.ref(each)));
  const foreign = ManagedPolicyArns.find((arn) => !own.has(arn));
  if (foreign !== undefined) {
    throw fault(role, `the statements of ${foreign} are not in the templates: write out what the role needs`);
  }
  const attached = template
    .resources('AWS::IAM::ManagedPolicy')
    .filter((each) => ManagedPolicyArns.includes(String(template.ref(each))))
    .map((each) => ({
      name: nameOf(each),
      statements: template.properties(each, policyProperties).PolicyDocument.Statement,
    }));
  const inline = Policies.map(({ PolicyName, PolicyDocument }) => ({
    name: `${nameOf(role)}/${PolicyName}`,
    statements: PolicyDocument.Statement,
  }));
  return [...inline, ...attached];
}

function* resourcePolicies(
  template: CloudTemplate,
  queues: StoresPlan['queues'],
): Generator<[arn: string, policy: Policy]> {
  const all = (type: UnderstoodType) => template.resources(type);
  for (const resource of all('AWS::SQS::QueuePolicy')) {
    const { PolicyDocument, Queues } = template.properties(resource, queuePolicyProperties);
    for (const url of Queues) {
      const queue = queues.find((each) => each.url === url);
      if (queue === undefined) throw fault(resource, `no queue of the template is ${url}`);
      yield [queue.arn, { name: nameOf(resource), statements: PolicyDocument.Statement }];
    }
  }
  for (const resource of all('AWS::S3::BucketPolicy')) {
    const { PolicyDocument, Bucket } = template.properties(resource, bucketPolicyProperties);
    const arn = template.arn('AWS::S3::Bucket', Bucket);
    yield [arn, { name: nameOf(resource), statements: PolicyDocument.Statement }];
  }
}

function nameOf({ stack, logicalId }: Resource): string {
  return `${stack.name}/${logicalId}`;
}

function fault({ stack, logicalId }: Resource, text: string): TemplateFault {
  return new TemplateFault({ stack: stack.name, logicalId }, text);
}
