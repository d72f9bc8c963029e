import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { LOCAL_RUN } from '../shared/local-run.ts';
import type { CloudOutputs } from '../shared/outputs.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { holdDirectory } from './hold-directory.ts';
import { localOutputs, stillStarting, type Target } from './target.ts';

/** A target's tables, lake and queues, open for the length of a command. */
export interface Cloud extends AsyncDisposable {
  readonly outputs: CloudOutputs;
  readonly documents: DynamoDBDocumentClient;
  readonly s3: S3Client;
  /** Loaded for the commands that need it. */
  connectSqs(): Promise<SQSClient>;
}

/** What local/aws/stores.ts exports: found by path, because the command line imports nothing of the local run. */
interface StoresModule {
  openStores(options: { readonly dir: string }): Promise<{
    clients(principal: string): {
      readonly dynamodb: DynamoDBClient;
      readonly s3: S3Client;
      readonly sqs: SQSClient;
    };
    stop(): Promise<void>;
  }>;
}

const STORES = new URL('../local/aws/stores.ts', import.meta.url);

/** The person at the command line, to whoever checks what each caller may do. */
const PRINCIPAL = 'cli';

/**
 * A deployment is reached with the credentials that every AWS tool finds. A local run that lives is reached where it
 * listens; over the directory of one that has ended its stores are started, for as long as this is open.
 * @throws CommandFailure with the remedy
 */
export async function openCloud(target: Target): Promise<Cloud> {
  if (target.kind === 'aws') {
    const { region } = target.outputs;
    return cloud(target.outputs, {
      dynamodb: new DynamoDBClient({ region }),
      s3: new S3Client({ region }),
      connectSqs: async () => new (await import('@aws-sdk/client-sqs')).SQSClient({ region }),
    });
  }
  const outputs = localOutputs(target);
  if (!target.isRunning) return openEnded(target, outputs);
  const { endpoints, credentials } = target.run;
  if (endpoints === undefined) throw new CommandFailure(EXIT.noTarget, stillStarting(target));
  const common = {
    region: outputs.region,
    credentials: credentials ?? { accessKeyId: PRINCIPAL, secretAccessKey: PRINCIPAL },
  };
  const dynamodb = new DynamoDBClient({ ...common, endpoint: endpoints.dynamodb });
  const s3 = new S3Client({ ...common, endpoint: endpoints.s3, forcePathStyle: true });
  const connectSqs = async () => {
    const { SQSClient } = await import('@aws-sdk/client-sqs');
    return new SQSClient({ ...common, endpoint: endpoints.sqs });
  };
  return cloud(outputs, { dynamodb, s3, connectSqs });
}

async function openEnded(target: Target & { kind: 'local' }, outputs: CloudOutputs): Promise<Cloud> {
  await using opening = new AsyncDisposableStack();
  opening.use(holdDirectory(target.dir));
  const { openStores } = (await import(STORES.href)) as StoresModule;
  const stores = await openStores({ dir: join(target.dir, LOCAL_RUN.awsDirectory) });
  opening.defer(() => stores.stop());
  const { dynamodb, s3, sqs } = stores.clients(PRINCIPAL);
  const open = cloud(outputs, { dynamodb, s3, connectSqs: async () => sqs });
  opening.use(open);
  const everything = opening.move();
  return { ...open, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

function cloud(
  outputs: CloudOutputs,
  clients: Pick<Cloud, 's3' | 'connectSqs'> & { readonly dynamodb: DynamoDBClient },
): Cloud {
  const { dynamodb, s3 } = clients;
  const documents = DynamoDBDocumentClient.from(dynamodb, {
    marshallOptions: { removeUndefinedValues: true },
  });
  let sqs: Promise<SQSClient> | undefined;
  return {
    outputs,
    documents,
    s3,
    connectSqs() {
      sqs ??= clients.connectSqs();
      return sqs;
    },
    async [Symbol.asyncDispose]() {
      dynamodb.destroy();
      s3.destroy();
      (await sqs)?.destroy();
    },
  };
}
