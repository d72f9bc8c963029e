import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { RegistryStore } from '../../cli/registry/store.ts';
import type { SettingOverrides } from '../../infra/settings.ts';
import { LOCAL_RUN, type LocalRun } from '../../shared/local-run.ts';
import { startCloud } from '../aws/cloud.ts';
import type { Clients, CloudLog, LocalCloud } from '../aws/cloud-types.ts';
import { LocalFault } from './fault.ts';
import type { StateDirectory } from './state-directory.ts';
import { synthesizeInto } from './synthesis.ts';

/** The person at the command line, to whoever checks what each caller may do. */
const PRINCIPAL = 'cli';

/** The embedded AWS, and what the runner itself does with it. */
export interface CloudPart extends AsyncDisposable {
  readonly cloud: LocalCloud;
  readonly clients: Clients;
  readonly store: RegistryStore;
  /** The bridge that runs here: the first one of cdk.json. */
  readonly bridge: string;
}

/**
 * Synthesizes the stacks, starts what they describe, and writes the outputs as a deployment would.
 * @throws LocalFault when something on this machine is missing, Error when the stacks are not understood
 */
export async function startCloudPart(options: {
  readonly directory: StateDirectory;
  /** Beside the settings of cdk.json. */
  readonly overrides?: SettingOverrides;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<CloudPart> {
  const { directory, overrides = {}, say, signal } = options;
  const assembly = directory.file('assembly');
  say('synthesizing the stacks');
  await synthesizeInto(assembly, { overrides, signal });

  say('starting SQS, S3, DynamoDB and the functions of the stacks');
  const dir = directory.file(LOCAL_RUN.awsDirectory);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  await using starting = new AsyncDisposableStack();
  const log = starting.adopt(logTo(join(dir, 'cloud.log'), say), (opened) => opened.close());
  const cloud = starting.adopt(await startOrFault({ assembly, dir, log }), (started) => started.stop());
  signal.throwIfAborted();
  writeFileSync(directory.file(LOCAL_RUN.outputsFile), cloud.outputsText, { mode: 0o600 });
  const { outputs } = cloud;
  const [bridge] = Object.keys(outputs.feedQueueUrls);
  if (bridge === undefined) throw new LocalFault('cdk.json names no bridge: add one to "slotwise:bridges"');
  directory.update({
    children: [...cloud.processes],
    endpoints: cloud.endpoints,
    ...credentialsOf(cloud.env(PRINCIPAL)),
  });
  const clients = cloud.clients(PRINCIPAL);
  const documents = DynamoDBDocumentClient.from(clients.dynamodb, {
    marshallOptions: { removeUndefinedValues: true },
  });
  const open = starting.move();
  return {
    cloud,
    clients,
    store: new RegistryStore({ client: documents, table: outputs.registryTable }),
    bridge,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Whatever keeps an emulator from starting is a matter of this machine, and the message says of which kind. */
async function startOrFault(options: {
  readonly assembly: string;
  readonly dir: string;
  readonly log: CloudLog;
}): Promise<LocalCloud> {
  try {
    return await startCloud(options);
  } catch (cause) {
    throw new LocalFault(`the embedded AWS does not start: ${(cause as Error).message}`, { cause });
  }
}

function credentialsOf(environment: Readonly<Record<string, string>>): Pick<LocalRun, 'credentials'> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId === undefined || secretAccessKey === undefined) return {};
  return { credentials: { accessKeyId, secretAccessKey } };
}

/** One JSON line per transition; a warning is news as well. */
function logTo(path: string, say: (text: string) => void): CloudLog & { close(): void } {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  const write = (level: string, event: string, fields: Readonly<Record<string, unknown>>) =>
    file.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
  return {
    info: (event, fields = {}) => write('info', event, fields),
    warn: (event, fields = {}) => {
      write('warn', event, fields);
      say(`embedded AWS: ${event} ${JSON.stringify(fields)}`);
    },
    close: () => file.end(),
  };
}
