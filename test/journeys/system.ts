import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import {
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { openLake } from '../../cli/lake/lake.ts';
import { RegistryStore } from '../../cli/registry/store.ts';
import type { SettingOverrides } from '../../infra/settings.ts';
import { synthesize } from '../../infra/synth.ts';
import { startCloud } from '../../local/aws/cloud.ts';
import type { CloudOptions, LocalCloud } from '../../local/aws/cloud-types.ts';
import { type SimulatedGateway, startGateway } from '../../local/gateway/gateway.ts';
import type { GatewayOptions } from '../../local/gateway/options.ts';
import { BridgeProcess } from '../../local/run/bridge-process.ts';
import { strategiesOfCondors } from '../../local/run/seed.ts';
import { POSITIONS } from '../../shared/names.ts';
import { type BridgeStatus, bridgeStatusSchema } from '../../shared/status.ts';
import { eventually } from '../support/eventually.ts';
import { removeStatement } from '../support/statements.ts';
import { unitEnvironment } from '../support/unit.ts';

/** The templates as they deploy, but for the waits: a test must not last as long as a visibility timeout. */
const OVERRIDES = {
  architecture: arch() === 'arm64' ? 'arm64' : 'x86_64',
  drain: { batchWindowS: 1, timeoutS: 3, visibilityTimeoutS: 19, maxReceiveCount: 2 },
} as const;

/** The settings of a bridge that has no time to lose. */
const HASTE = {
  SLOTWISE_SWEEP_PERIOD_MS: '1000',
  SLOTWISE_SWEEP_DEADLINE_MS: '900',
  SLOTWISE_RECORDER_PERIOD_MS: '1000',
  SLOTWISE_HEARTBEAT_PERIOD_MS: '1000',
  SLOTWISE_SNAPSHOTS_PERIOD_MS: '2000',
  SLOTWISE_GATEWAY_BACKOFF_MIN_MS: '50',
  SLOTWISE_GATEWAY_BACKOFF_MAX_MS: '500',
  SLOTWISE_STATUS_PORT: '0',
};

export interface RunningBridge {
  readonly id: string;
  readonly pid: number;
  readonly stateDir: string;
  status(): Promise<BridgeStatus>;
  /** Until its status is as wanted. */
  until(check: (status: BridgeStatus) => boolean, what: string): Promise<BridgeStatus>;
  /** @returns once the process is gone */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The whole path on real sockets: simulated gateways, bridges as processes, the deployed bundles behind the embedded
 * cloud. Everything that was started ends with it.
 */
export class System implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'slotwise-journey-'));
  readonly #stack = new AsyncDisposableStack();
  #cloud: LocalCloud | undefined;
  #assembly = '';
  #mayBeDenied = false;
  #cloudOptions: Pick<CloudOptions, 'metricClock' | 'streamRetryMs'> = {};

  static async start(options: {
    readonly bridges: readonly string[];
    /** Beside those of every journey. */
    readonly overrides?: SettingOverrides;
    readonly cloud?: Pick<CloudOptions, 'metricClock' | 'streamRetryMs'>;
    /** A statement to take out of the policies: what needs it is then refused. */
    readonly without?: string;
  }): Promise<System> {
    const system = new System();
    system.#stack.defer(() => rmSync(system.directory, { recursive: true, force: true }));
    system.#stack.defer(() => system.stopCloud());
    try {
      const outdir = join(system.directory, 'assembly');
      system.#assembly = synthesize({
        outdir,
        bridges: options.bridges,
        overrides: { ...OVERRIDES, ...options.overrides },
        runsHere: true,
      }).directory;
      if (options.without !== undefined) removeStatement(system.#assembly, options.without);
      system.#cloudOptions = options.cloud ?? {};
      system.#mayBeDenied = options.without !== undefined;
      await system.startCloud();
    } catch (cause) {
      await system[Symbol.asyncDispose]();
      throw cause;
    }
    return system;
  }

  get cloud(): LocalCloud {
    if (this.#cloud === undefined) throw new Error('the cloud was stopped');
    return this.#cloud;
  }

  get awsDirectory(): string {
    return join(this.directory, 'aws');
  }

  async startCloud(): Promise<void> {
    mkdirSync(this.awsDirectory, { recursive: true });
    this.#cloud = await startCloud({
      assembly: this.#assembly,
      dir: this.awsDirectory,
      ...this.#cloudOptions,
    });
    writeFileSync(this.#outputsFile, this.#cloud.outputsText);
  }

  /** @throws Error when the policies of the stacks refused anybody anything: no journey asks for more than it may */
  async stopCloud(): Promise<void> {
    const cloud = this.#cloud;
    this.#cloud = undefined;
    await cloud?.stop();
    const denied = cloud?.journal.accesses().filter((access) => access.denied > 0) ?? [];
    if (denied.length > 0 && !this.#mayBeDenied)
      throw new Error(`denied: ${JSON.stringify(denied, undefined, 2)}`);
  }

  async gateway(options: GatewayOptions): Promise<SimulatedGateway> {
    return this.#stack.use(await startGateway({ tickPeriodMs: 50, snapshotMs: 300, ...options }));
  }

  /** Writes a portfolio's condors into the registry as ACTIVE strategies. */
  async register(condors: GatewayOptions['portfolio']['condors']): Promise<void> {
    for (const strategy of strategiesOfCondors(condors)) {
      await this.registry.put(strategy, { expectedVersion: 0 });
    }
  }

  get registry(): RegistryStore {
    return new RegistryStore({ client: this.documents, table: this.cloud.outputs.registryTable });
  }

  get documents(): DynamoDBDocumentClient {
    return DynamoDBDocumentClient.from(this.cloud.clients('test').dynamodb, {
      marshallOptions: { removeUndefinedValues: true },
    });
  }

  /** The positions table's items of an account, without its lease. */
  async positions(account: string): Promise<Record<string, unknown>[]> {
    const input: QueryCommandInput = {
      TableName: this.cloud.outputs.positionsTable,
      KeyConditionExpression: 'account = :account AND conId > :lease',
      ExpressionAttributeValues: { ':account': account, ':lease': POSITIONS.leaseConId },
    };
    const { Items = [] } = await this.documents.send(new QueryCommand(input));
    return Items;
  }

  async item(table: string, key: Record<string, unknown>): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.documents.send(new GetCommand({ TableName: table, Key: key }));
    return Item;
  }

  /** A bridge that has no time to lose. */
  bridge(
    id: string,
    gateway: SimulatedGateway,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RunningBridge> {
    const stateDir = join(this.directory, 'bridge', settings.SLOTWISE_STATE_DIR ?? id);
    return this.#start(id, gateway, {
      ...HASTE,
      SLOTWISE_OUTPUTS: this.#outputsFile,
      ...settings,
      SLOTWISE_BRIDGE: id,
      SLOTWISE_STATE_DIR: stateDir,
    });
  }

  /** A bridge as its systemd unit starts it: the outputs file and the gateway's port are all that it has. */
  service(id: string, gateway: SimulatedGateway): Promise<RunningBridge> {
    return this.#start(id, gateway, {
      ...unitEnvironment(id, this.directory),
      // Where several run beside each other.
      SLOTWISE_STATUS_PORT: '0',
    });
  }

  async #start(
    id: string,
    gateway: SimulatedGateway,
    environment: Readonly<Record<string, string>>,
  ): Promise<RunningBridge> {
    const stateDir = environment.SLOTWISE_STATE_DIR ?? '';
    mkdirSync(stateDir, { recursive: true });
    const logFile = join(stateDir, 'bridge.log');
    const child = BridgeProcess.spawn({
      logFile,
      environment: {
        PATH: process.env.PATH,
        ...this.cloud.env(`bridge-${id}`),
        SLOTWISE_GATEWAY_PORT: String(gateway.port),
        ...environment,
      },
    });
    const end = async () => {
      child.requestStop();
      const timer = setTimeout(() => child.kill(), 15_000);
      await child.ended;
      clearTimeout(timer);
    };
    this.#stack.defer(end);
    const url = await child.listening.catch((cause: Error) => {
      throw new Error(`bridge ${id}: ${cause.message}\n${readFileSync(logFile, 'utf8')}`);
    });
    const status = async () => bridgeStatusSchema.parse(await (await fetch(`${url}/status.json`)).json());
    return {
      id,
      pid: child.identity?.pid ?? 0,
      stateDir,
      status,
      until: (check, what) =>
        eventually(
          async () => {
            const now = await status();
            return check(now) ? now : undefined;
          },
          { what, deadlineMs: 20_000 },
        ),
      kill: async () => {
        child.kill();
        await child.ended;
      },
      stop: end,
    };
  }

  /** Bridges first, so that they can say goodbye, then gateways, cloud, files. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  /** The JSON objects of the bucket below a prefix. */
  async objects(prefix: string): Promise<Record<string, unknown>[]> {
    const { s3 } = this.cloud.clients('test');
    const Bucket = this.cloud.outputs.lakeBucket;
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
    return Promise.all(
      Contents.map(async ({ Key }) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        return JSON.parse((await Body?.transformToString()) ?? '');
      }),
    );
  }

  /** Asks the lake in SQL, as it is now. */
  async ask(sql: string): Promise<Record<string, unknown>[]> {
    const { s3 } = this.cloud.clients('test');
    await using lake = await openLake({
      s3,
      bucket: this.cloud.outputs.lakeBucket,
      cacheDirectory: join(this.directory, 'lake'),
    });
    const { columns, rows } = await lake.query(sql);
    return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  }

  get #outputsFile(): string {
    return join(this.directory, 'slotwise.outputs.json');
  }
}
