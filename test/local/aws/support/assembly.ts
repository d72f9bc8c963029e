import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestStack {
  readonly name?: string;
  readonly resources: Readonly<Record<string, object>>;
  readonly outputs?: Readonly<Record<string, object>>;
  /** Asset key without `.zip` -> files of the bundle. */
  readonly assets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Writes a cloud assembly as `cdk synth` does: manifest, templates, asset manifests, bundles. */
export function writeAssembly(dir: string, stacks: readonly TestStack[]): string {
  const artifacts: Record<string, object> = {};
  mkdirSync(dir, { recursive: true });
  for (const { name = 'Test', resources: given, outputs = {}, assets = {} } of stacks) {
    const resources = { ...rolesOf(given), ...given };
    artifacts[`${name}.assets`] = { type: 'cdk:asset-manifest', properties: { file: `${name}.assets.json` } };
    artifacts[name] = {
      type: 'aws:cloudformation:stack',
      environment: 'aws://unknown-account/unknown-region',
      properties: { templateFile: `${name}.template.json` },
      dependencies: [`${name}.assets`],
    };
    const files: Record<string, object> = {};
    for (const [key, bundle] of Object.entries(assets)) {
      const path = `asset.${key}`;
      mkdirSync(join(dir, path), { recursive: true });
      for (const [file, text] of Object.entries(bundle)) writeFileSync(join(dir, path, file), text);
      files[key] = {
        source: { path, packaging: 'zip' },
        destinations: { here: { bucketName: 'assets', objectKey: `${key}.zip` } },
      };
    }
    writeFileSync(join(dir, `${name}.assets.json`), JSON.stringify({ version: '1', files }));
    writeFileSync(
      join(dir, `${name}.template.json`),
      JSON.stringify({ Resources: resources, Outputs: outputs }),
    );
  }
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ version: '1', artifacts }));
  return dir;
}

export function queue(properties: object = {}): object {
  return { Type: 'AWS::SQS::Queue', Properties: properties };
}

/** A queue whose dead-letter queue is another one of the stack. */
export function queueWithDeadLetters(
  deadLetters: string,
  maxReceiveCount: number,
  properties: object = {},
): object {
  return queue({
    ...properties,
    RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [deadLetters, 'Arn'] }, maxReceiveCount },
  });
}

export function table(properties: object = {}): object {
  return {
    Type: 'AWS::DynamoDB::Table',
    Properties: {
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
      ...properties,
    },
  };
}

/** `<asset>-role` of each function, for a stack that does not say what it may do: everything. */
function rolesOf(resources: Readonly<Record<string, object>>): Record<string, object> {
  const names = Object.values(resources).flatMap((resource) => {
    const { Role } = ((resource as { Properties?: object }).Properties ?? {}) as { Role?: unknown };
    return typeof Role === 'string' ? [Role.split('/').at(-1) ?? ''] : [];
  });
  return Object.fromEntries(
    names.map((name) => [
      name.replaceAll('-', ''),
      role({ RoleName: name }, [{ Effect: 'Allow', Action: ['sqs:*', 's3:*', 'dynamodb:*'], Resource: '*' }]),
    ]),
  );
}

export function role(properties: object, statements: readonly object[]): object {
  const PolicyDocument = { Version: '2012-10-17', Statement: statements };
  return {
    Type: 'AWS::IAM::Role',
    Properties: { Policies: [{ PolicyName: 'own', PolicyDocument }], ...properties },
  };
}

/** A function with the role `<asset>-role`; one that may do everything unless the stack has it. */
export function lambda(asset: string, properties: object = {}): object {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: 'assets', S3Key: `${asset}.zip` },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: `arn:aws:iam::000000000000:role/${asset}-role`,
      Timeout: 5,
      MemorySize: 256,
      ...properties,
    },
  };
}

export function mapping(functionId: string, source: object, properties: object = {}): object {
  return {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: {
      FunctionName: { Ref: functionId },
      EventSourceArn: source,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ...properties,
    },
  };
}

export function arnOf(logicalId: string): object {
  return { 'Fn::GetAtt': [logicalId, 'Arn'] };
}
