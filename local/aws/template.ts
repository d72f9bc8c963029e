import type { z } from 'zod';
import { describeFaults } from '../../shared/message.ts';
import type { Stack, TemplateResource } from './assembly.ts';
import { EMULATED_ACCOUNT } from './emulators.ts';
import { NO_VALUE, resolve, type Scope } from './intrinsics.ts';
import { type Place, TemplateFault } from './template-fault.ts';
import { IGNORED_PROPERTIES, IGNORED_TYPES, UNDERSTOOD_TYPES, type UnderstoodType } from './understood.ts';

/** What only the running services know. */
export interface Addresses {
  readonly region: string;
  /** Base of queue URLs, without a trailing slash. */
  readonly sqsOrigin: string;
  /** By table name; undefined while the table is not there yet. */
  readonly streamArn: (tableName: string) => string | undefined;
}

export interface Resource {
  readonly stack: Stack;
  readonly logicalId: string;
  readonly type: string;
  readonly definition: TemplateResource;
}

/** The stacks of an assembly with every reference between them resolved on demand. */
export class CloudTemplate {
  readonly #stacks: readonly Stack[];
  readonly #addresses: Addresses;
  /** Export name -> the output that has it. */
  readonly #exports = new Map<string, { readonly stack: Stack; readonly output: string }>();

  /** @throws TemplateFault for the first resource type that is not understood */
  constructor(stacks: readonly Stack[], addresses: Addresses) {
    this.#stacks = stacks;
    this.#addresses = addresses;
    for (const stack of stacks) this.#check(stack);
  }

  resources(type: UnderstoodType): readonly Resource[] {
    return this.#stacks.flatMap((stack) =>
      Object.entries(stack.template.Resources)
        .filter(([, { Type }]) => Type === type)
        .map(([logicalId, definition]) => ({ stack, logicalId, type, definition })),
    );
  }

  /**
   * The properties of a resource, resolved and checked, without those that are knowingly ignored.
   * @throws TemplateFault naming logical id and property
   */
  properties<T>(resource: Resource, schema: z.ZodType<T>): T {
    const { stack, logicalId, type, definition } = resource;
    const ignored = IGNORED_PROPERTIES[type] ?? {};
    const resolved: Record<string, unknown> = {};
    for (const [property, value] of Object.entries(definition.Properties)) {
      if (Object.hasOwn(ignored, property)) continue;
      const result = resolve(value, this.#scope(stack), { stack: stack.name, logicalId, property });
      if (result !== NO_VALUE) resolved[property] = result;
    }
    const parsed = schema.safeParse(resolved);
    if (parsed.success) return parsed.data;
    throw new TemplateFault({ stack: stack.name, logicalId }, `${type}: ${describeFaults(parsed.error)}`);
  }

  /** One property, resolved and unchecked; undefined when the resource has none. @throws TemplateFault */
  property({ stack, logicalId, definition }: Resource, property: string): unknown {
    const place = { stack: stack.name, logicalId, property };
    const value = resolve(definition.Properties[property], this.#scope(stack), place);
    return value === NO_VALUE ? undefined : value;
  }

  /** What a Ref to the resource gives. */
  ref(resource: Resource): string {
    const physical = this.physicalName(resource);
    if (resource.type === 'AWS::SQS::Queue') return this.queueUrl(physical);
    if (resource.type === 'AWS::IAM::ManagedPolicy') return this.arn(resource.type, physical);
    return physical;
  }

  /** Every output of every stack: `{ "<stack>": { "<output>": "<value>" } }`, as `cdk deploy --outputs-file` has it. */
  outputs(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      this.#stacks.map((stack) => [
        stack.name,
        Object.fromEntries(
          Object.keys(stack.template.Outputs).map((name) => [name, String(this.#output(stack, name))]),
        ),
      ]),
    );
  }

  /** The name that a resource has in the running services. */
  physicalName({ stack, logicalId, type, definition }: Resource): string {
    const property = NAME_PROPERTIES[type];
    const given = property === undefined ? undefined : definition.Properties[property];
    if (given !== undefined) {
      return String(
        resolve(given, this.#scope(stack), { stack: stack.name, logicalId, property: property ?? '' }),
      );
    }
    return generatedName(type, stack.name, logicalId);
  }

  queueUrl(name: string): string {
    return `${this.#addresses.sqsOrigin}/${EMULATED_ACCOUNT}/${name}`;
  }

  /** @param type decides the ARN's form */
  arn(type: string, name: string): string {
    const place = `${this.#addresses.region}:${EMULATED_ACCOUNT}`;
    switch (type) {
      case 'AWS::SQS::Queue':
        return `arn:aws:sqs:${place}:${name}`;
      case 'AWS::DynamoDB::Table':
        return `arn:aws:dynamodb:${place}:table/${name}`;
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${name}`;
      case 'AWS::Lambda::Function':
        return `arn:aws:lambda:${place}:function:${name}`;
      case 'AWS::Events::Rule':
        return `arn:aws:events:${place}:rule/${name}`;
      case 'AWS::IAM::Role':
        return `arn:aws:iam::${EMULATED_ACCOUNT}:role/${name}`;
      case 'AWS::IAM::ManagedPolicy':
        return `arn:aws:iam::${EMULATED_ACCOUNT}:policy/${name}`;
      case 'AWS::RolesAnywhere::TrustAnchor':
        return `arn:aws:rolesanywhere:${place}:trust-anchor/${name}`;
      case 'AWS::RolesAnywhere::Profile':
        return `arn:aws:rolesanywhere:${place}:profile/${name}`;
      case 'AWS::Logs::LogGroup':
        return `arn:aws:logs:${place}:log-group:${name}:*`;
      case 'AWS::CloudWatch::Alarm':
        return `arn:aws:cloudwatch:${place}:alarm:${name}`;
      default:
        throw new RangeError(`no ARN for ${type}`);
    }
  }

  #check(stack: Stack): void {
    const understood = new Set<string>([...UNDERSTOOD_TYPES, ...Object.keys(IGNORED_TYPES)]);
    for (const [logicalId, { Type, Condition }] of Object.entries(stack.template.Resources)) {
      const place = { stack: stack.name, logicalId };
      if (!understood.has(Type)) throw new TemplateFault(place, `${Type} is not understood by the local run`);
      if (Condition !== undefined && !Object.hasOwn(IGNORED_TYPES, Type)) {
        throw new TemplateFault(place, 'a Condition is not understood by the local run');
      }
    }
    for (const [output, { Export }] of Object.entries(stack.template.Outputs)) {
      if (Export === undefined) continue;
      const place = { stack: stack.name, logicalId: output, property: 'Export' };
      this.#exports.set(String(resolve(Export.Name, this.#scope(stack), place)), { stack, output });
    }
  }

  #scope(stack: Stack): Scope {
    return {
      ref: (logicalId, place) => this.#ref(stack, logicalId, place),
      getAtt: (logicalId, attribute, place) => this.#getAtt(stack, { logicalId, attribute }, place),
      importValue: (name, place) => {
        const found = this.#exports.get(name);
        if (found === undefined) throw new TemplateFault(place, `no stack exports "${name}"`);
        return this.#output(found.stack, found.output);
      },
      stackOutput: ({ stack: name, output }, place) => {
        const found = this.#stacks.find((each) => each.name === name);
        if (found !== undefined && Object.hasOwn(found.template.Outputs, output))
          return this.#output(found, output);
        throw new TemplateFault(place, `no stack "${name}" has an output "${output}"`);
      },
    };
  }

  #output(stack: Stack, name: string): unknown {
    const place = { stack: stack.name, logicalId: name };
    const value = resolve(stack.template.Outputs[name]?.Value, this.#scope(stack), place);
    if (typeof value === 'string' || typeof value === 'number') return value;
    throw new TemplateFault(place, 'the output is not a text');
  }

  #ref(stack: Stack, name: string, place: Place): unknown {
    const pseudo = this.#pseudo(name, stack);
    if (pseudo !== undefined) return pseudo;
    const parameter = stack.template.Parameters[name];
    if (parameter !== undefined) {
      const isPlain = parameter.Default !== undefined && !parameter.Type.startsWith('AWS::SSM');
      if (isPlain) return parameter.Default;
      throw new TemplateFault(place, `the parameter ${name} has no value in the local run`);
    }
    const resource = this.#resource(stack, name, place);
    return this.ref(resource);
  }

  /** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html */
  #pseudo(name: string, stack: Stack): unknown {
    switch (name) {
      case 'AWS::Region':
        return this.#addresses.region;
      case 'AWS::AccountId':
        return EMULATED_ACCOUNT;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return stack.name;
      case 'AWS::NoValue':
        return NO_VALUE;
      default:
        return undefined;
    }
  }

  #getAtt(
    stack: Stack,
    of: { readonly logicalId: string; readonly attribute: string },
    place: Place,
  ): unknown {
    const resource = this.#resource(stack, of.logicalId, place);
    const name = this.physicalName(resource);
    const key = `${resource.type} ${of.attribute}`;
    switch (key) {
      case 'AWS::SQS::Queue Arn':
      case 'AWS::DynamoDB::Table Arn':
      case 'AWS::S3::Bucket Arn':
      case 'AWS::Lambda::Function Arn':
      case 'AWS::Events::Rule Arn':
      case 'AWS::IAM::Role Arn':
      case 'AWS::Logs::LogGroup Arn':
      case 'AWS::CloudWatch::Alarm Arn':
      case 'AWS::RolesAnywhere::TrustAnchor TrustAnchorArn':
      case 'AWS::RolesAnywhere::Profile ProfileArn':
        return this.arn(resource.type, name);
      case 'AWS::SQS::Queue QueueName':
        return name;
      case 'AWS::SQS::Queue QueueUrl':
        return this.queueUrl(name);
      case 'AWS::DynamoDB::Table StreamArn': {
        const streamArn = this.#addresses.streamArn(name);
        if (streamArn !== undefined) return streamArn;
        throw new TemplateFault(place, `the table ${of.logicalId} has no stream`);
      }
      default:
        throw new TemplateFault(
          place,
          `the attribute ${of.logicalId}.${of.attribute} (${resource.type}) is not understood by the local run`,
        );
    }
  }

  #resource(stack: Stack, logicalId: string, place: Place): Resource {
    const definition = stack.template.Resources[logicalId];
    if (definition !== undefined) return { stack, logicalId, type: definition.Type, definition };
    throw new TemplateFault(place, `refers to "${logicalId}", which the stack does not have`);
  }
}

const NAME_PROPERTIES: Readonly<Record<string, string>> = {
  'AWS::SQS::Queue': 'QueueName',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Events::Rule': 'Name',
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
};

const NAME_MAX: Readonly<Record<string, number>> = {
  'AWS::SQS::Queue': 80,
  'AWS::DynamoDB::Table': 255,
  'AWS::S3::Bucket': 63,
  'AWS::Lambda::Function': 64,
  'AWS::Events::Rule': 64,
  'AWS::IAM::Role': 64,
};

/**
 * CloudFormation's own form, `<stack>-<logical id>`, without its random end: the same in every run, so that a kept
 * state directory is found again. What is too long loses its beginning: the logical id ends in its hash.
 */
function generatedName(type: string, stack: string, logicalId: string): string {
  const name = `${stack}-${logicalId}`.slice(-(NAME_MAX[type] ?? 255)).replace(/^-+/, '');
  return type === 'AWS::S3::Bucket' ? name.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-') : name;
}
