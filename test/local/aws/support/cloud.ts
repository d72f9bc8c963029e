import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { startCloud } from '../../../../local/aws/cloud.ts';
import type { Clients, CloudOptions, LocalCloud } from '../../../../local/aws/cloud-types.ts';
import { type TestStack, writeAssembly } from './assembly.ts';
import { temporaryDirectory } from './temporary.ts';

export interface TestCloud extends AsyncDisposable {
  readonly cloud: LocalCloud;
  readonly clients: Clients;
  /** Output `name` of the only stack. */
  output(name: string): string;
}

/** A cloud of one stack in a directory of its own. */
export async function testCloud(
  stack: TestStack,
  options: Partial<CloudOptions> & { readonly into?: string } = {},
): Promise<TestCloud> {
  using opening = new DisposableStack();
  const dir = opening.use(temporaryDirectory());
  const { into = dir.path, ...rest } = options;
  const assembly = writeAssembly(`${dir.path}/cdk.out`, [stack]);
  const cloud = await startCloud({ assembly, dir: `${into}/aws`, ...rest });
  const outputs = JSON.parse(cloud.outputsText) as Record<string, Record<string, string>>;
  opening.move();
  return {
    cloud,
    clients: cloud.clients('test'),
    output: (name) => outputs.Test?.[name] ?? '',
    [Symbol.asyncDispose]: async () => {
      await cloud.stop();
      dir[Symbol.dispose]();
    },
  };
}

export async function send(clients: Clients, QueueUrl: string, bodies: readonly string[]): Promise<void> {
  for (let start = 0; start < bodies.length; start += 10) {
    const Entries = bodies
      .slice(start, start + 10)
      .map((MessageBody, index) => ({ Id: `m${index}`, MessageBody }));
    await clients.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
}
