import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { onTestFinished, vi } from 'vitest';
import { type Bridge, startBridge } from '../../bridge/bridge.ts';
import { loadSettings } from '../../bridge/config.ts';
import { RegistryStore } from '../../cli/registry/store.ts';
import { environmentOf } from '../../local/aws/clients.ts';
import type { SimulatedGateway } from '../../local/gateway/gateway.ts';
import { decodeMessage, type Message } from '../../shared/message.ts';
import { OUTPUTS } from '../../shared/names.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { BridgeStatus } from '../../shared/status.ts';
import { testDirectory } from '../support/directory.ts';
import { eventually } from '../support/eventually.ts';
import { recordingLog } from '../support/log.ts';
import type { TestServices } from '../support/services.ts';

/** The settings of a bridge that has no time to lose. */
const HASTE = {
  SLOTWISE_BRIDGE: 'home',
  SLOTWISE_STATE_DIR: 'state',
  SLOTWISE_SWEEP_PERIOD_MS: '500',
  SLOTWISE_SWEEP_DEADLINE_MS: '400',
  SLOTWISE_RECORDER_PERIOD_MS: '500',
  SLOTWISE_SNAPSHOTS_PERIOD_MS: '500',
  SLOTWISE_FEED_HEAD_PERIOD_MS: '100',
  SLOTWISE_FEED_LONG_POLL_S: '1',
  SLOTWISE_GATEWAY_BACKOFF_MIN_MS: '20',
  SLOTWISE_GATEWAY_BACKOFF_MAX_MS: '100',
  SLOTWISE_STATUS_PORT: '0',
};

/** What a bridge finds of its cloud, and what a test sees of it there. */
export interface Deployment {
  /** Holds the outputs file. */
  readonly directory: string;
  /** Of the bridge as a process: settings, and what the SDK reads. */
  readonly environment: Readonly<Record<string, string>>;
  readonly registry: RegistryStore;
  /** What the snapshot queue has now, ten at most; each message once. */
  receive(): Promise<readonly Message[]>;
  /** All that was received from the snapshot queue so far; each message once. */
  snapshots(): Promise<readonly Snapshot[]>;
}

/** Queues of the test's own and an outputs file, as a deployment leaves it. */
export async function deploy(services: TestServices): Promise<Deployment> {
  const directory = testDirectory();
  const { sqs } = services.clients;
  const queue = async (QueueName: string) => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName }));
    // A queue's URL is where the SDK sends to, whatever endpoint it has been given.
    return new URL(new URL(QueueUrl).pathname, services.endpoints.sqs).href;
  };
  const id = crypto.randomUUID();
  const [snapshotQueue, feedQueue] = [await queue(`snapshots-${id}`), await queue(`feed-${id}`)];
  const values = {
    [OUTPUTS.region]: 'us-east-1',
    [OUTPUTS.snapshotQueueUrl]: snapshotQueue,
    [OUTPUTS.snapshotDeadLetterQueueUrl]: snapshotQueue,
    [OUTPUTS.feedQueueUrls]: JSON.stringify({ home: feedQueue }),
    [OUTPUTS.registryTable]: services.tables.registry,
    [OUTPUTS.positionsTable]: services.tables.positions,
    [OUTPUTS.auditTable]: services.tables.audit,
    [OUTPUTS.lakeBucket]: services.bucket,
  };
  writeFileSync(join(directory, 'slotwise.outputs.json'), JSON.stringify({ ingest: values }));
  const received: Snapshot[] = [];
  const receive = async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: snapshotQueue, MaxNumberOfMessages: 10 }),
    );
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    if (Entries.length > 0) {
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: snapshotQueue, Entries }));
    }
    const decoded = Messages.map(({ Body = '' }) => decodeMessage(Body));
    return decoded.flatMap((each) => (each.ok ? [each.message] : []));
  };
  return {
    directory,
    environment: {
      ...HASTE,
      ...environmentOf('bridge', { endpoints: services.endpoints, region: 'us-east-1' }),
    },
    registry: new RegistryStore({ client: services.documents, table: services.tables.registry }),
    receive,
    snapshots: async () => {
      received.push(...(await receive()).filter((message) => message.kind === 'snapshot'));
      return received;
    },
  };
}

export interface Running {
  readonly bridge: Bridge;
  readonly log: ReturnType<typeof recordingLog>;
  readonly stateDir: string;
  /** Until its status is as wanted. */
  until(check: (status: BridgeStatus) => boolean, what: string): Promise<BridgeStatus>;
}

/** The whole bridge in this process, on a simulated gateway; stops with the test at the latest. */
export async function run(
  { directory, environment }: Deployment,
  gateway: Pick<SimulatedGateway, 'port'>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const env = { ...environment, SLOTWISE_GATEWAY_PORT: String(gateway.port), ...settings };
  for (const [name, value] of Object.entries(env)) if (name.startsWith('AWS_')) vi.stubEnv(name, value);
  const log = recordingLog();
  const loaded = loadSettings({ env, directory });
  const bridge = await startBridge({ settings: loaded, log });
  onTestFinished(() => bridge.stop());
  return {
    bridge,
    log,
    stateDir: loaded.stateDir,
    until: (check, what) =>
      eventually(
        async () => {
          const status = await bridge.status();
          return check(status) ? status : undefined;
        },
        { what },
      ),
  };
}
