import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { synthesize } from '../../../infra/synth.ts';
import { readAssembly } from '../../../local/aws/assembly.ts';
import { planFunctions, planStores } from '../../../local/aws/plan.ts';
import { CloudTemplate } from '../../../local/aws/template.ts';
import {
  arnOf,
  lambda,
  mapping,
  queue,
  queueWithDeadLetters,
  type TestStack,
  table,
  writeAssembly,
} from './support/assembly.ts';
import { temporaryDirectory } from './support/temporary.ts';

const HANDLER = { 'index.mjs': 'export const handler = () => {};' };

function read(stacks: readonly TestStack[]) {
  using dir = temporaryDirectory();
  const template = new CloudTemplate(readAssembly(writeAssembly(dir.path, stacks)), {
    region: 'eu-central-1',
    sqsOrigin: 'http://127.0.0.1:9',
    streamArn: (name) => `arn:aws:dynamodb:eu-central-1:000000000000:table/${name}/stream/1`,
  });
  const stores = planStores(template);
  return { stores, functions: planFunctions(template, stores), outputs: template.outputs() };
}

describe('reading an assembly', () => {
  it('understands every resource and reference of the stacks that this project deploys', () => {
    using dir = temporaryDirectory();
    synthesize({ outdir: join(dir.path, 'cdk.out'), bridges: ['home', 'office'], bundles: false });
    const template = new CloudTemplate(readAssembly(join(dir.path, 'cdk.out')), {
      region: 'us-east-1',
      sqsOrigin: 'http://127.0.0.1:9',
      streamArn: (name) => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}/stream/1`,
    });
    const stores = planStores(template);
    const { functions, mappings } = planFunctions(template, stores);
    expect(functions.length).toBeGreaterThanOrEqual(3);
    expect(mappings.map(({ kind }) => kind)).toContain('stream');
    expect(mappings).toContainEqual(
      expect.objectContaining({ batchSize: 50, windowMs: 60_000, reportsFailures: true }),
    );
    expect(Object.keys(Object.assign({}, ...Object.values(template.outputs())))).toContain('FeedQueueUrls');
  }, 60_000);

  it('resolves references, joins, substitutions, selections and imports across stacks, in any order', () => {
    const { outputs, functions } = read([
      {
        name: 'Reader',
        resources: {
          Fn: lambda('a', {
            Environment: {
              Variables: {
                IMPORTED: { 'Fn::ImportValue': 'State:Queue' },
                JOINED: { 'Fn::Join': ['', ['{"home":"', { 'Fn::ImportValue': 'State:Queue' }, '"}']] },
                REMOVED: { Ref: 'AWS::NoValue' },
              },
            },
            Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          }),
          Role: { Type: 'AWS::IAM::Role', Properties: {} },
        },
        assets: { a: HANDLER },
      },
      {
        name: 'State',
        resources: { Q: queue(), T: table({ StreamSpecification: { StreamViewType: 'NEW_IMAGE' } }) },
        outputs: {
          Url: { Value: { Ref: 'Q' }, Export: { Name: { 'Fn::Sub': `\${AWS::StackName}:Queue` } } },
          Arn: {
            Value: { 'Fn::Sub': [`\${Part}/\${Q.Arn}/\${!Literal}/\${AWS::AccountId}`, { Part: 'p' }] },
          },
          Table: {
            Value: { 'Fn::Select': [1, { 'Fn::Split': ['/', { 'Fn::GetAtt': ['T', 'StreamArn'] }] }] },
          },
        },
      },
    ]);
    expect(outputs.State).toEqual({
      Url: 'http://127.0.0.1:9/000000000000/State-Q',
      Arn: `p/arn:aws:sqs:eu-central-1:000000000000:State-Q/\${Literal}/000000000000`,
      Table: 'State-T',
    });
    expect(functions.functions[0]).toMatchObject({
      principal: 'Reader-Role',
      environment: {
        IMPORTED: 'http://127.0.0.1:9/000000000000/State-Q',
        JOINED: '{"home":"http://127.0.0.1:9/000000000000/State-Q"}',
      },
    });
    expect(functions.functions[0]?.environment).not.toHaveProperty('REMOVED');
  });

  it('plans dead-letter queues before the queues that name them', () => {
    const { stores } = read([
      { resources: { A: queueWithDeadLetters('B', 3), B: queueWithDeadLetters('C', 2), C: queue() } },
    ]);
    expect(stores.queues.map(({ name }) => name)).toEqual(['Test-C', 'Test-B', 'Test-A']);
    expect(JSON.parse(stores.queues[2]?.attributes.RedrivePolicy ?? '')).toEqual({
      deadLetterTargetArn: 'arn:aws:sqs:eu-central-1:000000000000:Test-B',
      maxReceiveCount: 3,
    });
  });
});

describe('what is not understood is an error that names its place', () => {
  const withQueue = (properties: object): TestStack => ({ resources: { Q: queue(properties) } });
  const withMapping = (properties: object, source: object = queue()): TestStack => ({
    resources: { Q: source, Fn: lambda('a'), Map: mapping('Fn', arnOf('Q'), properties) },
    assets: { a: HANDLER },
  });
  const withStream = (properties: object): TestStack => ({
    resources: {
      T: table({ StreamSpecification: { StreamViewType: 'NEW_IMAGE' } }),
      Fn: lambda('a'),
      Map: mapping(
        'Fn',
        { 'Fn::GetAtt': ['T', 'StreamArn'] },
        { StartingPosition: 'TRIM_HORIZON', ...properties },
      ),
    },
    assets: { a: HANDLER },
  });

  it.each<[string, TestStack, RegExp]>([
    [
      'a resource type',
      { resources: { X: { Type: 'AWS::Kinesis::Stream' } } },
      /Test\/X: AWS::Kinesis::Stream is not understood/,
    ],
    ['a property', withQueue({ FancyOption: 1 }), /Test\/Q: .*FancyOption/],
    ['a FIFO queue', withQueue({ FifoQueue: true }), /Test\/Q: .*FIFO/],
    [
      'an intrinsic',
      withQueue({ DelaySeconds: { 'Fn::If': ['C', 1, 2] } }),
      /Test\/Q DelaySeconds: the intrinsic Fn::If/,
    ],
    ['a reference to nothing', withQueue({ QueueName: { Ref: 'Gone' } }), /Test\/Q QueueName: .*"Gone"/],
    ['an attribute', withQueue({ QueueName: { 'Fn::GetAtt': ['Q2', 'Arn'] } }), /"Q2"/],
    [
      'an import that nobody exports',
      withQueue({ QueueName: { 'Fn::ImportValue': 'x' } }),
      /no stack exports "x"/,
    ],
    [
      'an output of a stack that is not there',
      withQueue({ QueueName: { 'Fn::GetStackOutput': { StackName: 'Test', OutputName: 'x' } } }),
      /no stack "Test" has an output "x"/,
    ],
    ['a condition', { resources: { Q: { ...queue(), Condition: 'C' } } }, /Test\/Q: a Condition/],
    ['a filter', withMapping({ FilterCriteria: { Filters: [] } }), /Test\/Map: .*FilterCriteria/],
    ['a large batch without a window', withMapping({ BatchSize: 50 }), /Test\/Map: .*window of at least 1 s/],
    [
      'a queue that is impatient',
      withMapping({}, queue({ VisibilityTimeout: 1 })),
      /Test\/Map: .*visibility/,
    ],
    ['a disabled mapping', withMapping({ Enabled: false }), /Test\/Map: .*disabled/],
    ['a parallel stream', withStream({ ParallelizationFactor: 2 }), /Test\/Map: .*ParallelizationFactor/],
    ['a tumbling window', withStream({ TumblingWindowInSeconds: 1 }), /Test\/Map: .*TumblingWindow/],
    ['an asset that is missing', { resources: { Fn: lambda('gone') } }, /Test\/Fn: no asset .* gone.zip/],
    ['another runtime', { resources: { Fn: lambda('a', { Runtime: 'python3.13' }) } }, /Test\/Fn: .*Runtime/],
    ['a layer', { resources: { Fn: lambda('a', { Layers: ['x'] }) } }, /Test\/Fn: .*Layers/],
  ])('%s', (_what, stack, message) => {
    expect(() => read([stack])).toThrow(message);
  });
});
