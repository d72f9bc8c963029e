import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings, SettingsFault } from '../../../bridge/config.ts';
import { BRIDGE, GATEWAY } from '../../../shared/limits.ts';
import { OUTPUTS } from '../../../shared/names.ts';
import { testDirectory } from '../../support/directory.ts';

const QUEUE = 'https://sqs.us-east-1.amazonaws.com/123456789012/feed-home';

const OUTPUT_VALUES = {
  [OUTPUTS.region]: 'us-east-1',
  [OUTPUTS.snapshotQueueUrl]: 'https://sqs.us-east-1.amazonaws.com/123456789012/snapshots',
  [OUTPUTS.snapshotDeadLetterQueueUrl]: 'https://sqs.us-east-1.amazonaws.com/123456789012/dead',
  [OUTPUTS.feedQueueUrls]: JSON.stringify({ home: QUEUE }),
  [OUTPUTS.registryTable]: 'registry',
  [OUTPUTS.positionsTable]: 'positions',
  [OUTPUTS.auditTable]: 'audit',
  [OUTPUTS.lakeBucket]: 'lake',
};

/** A directory with an outputs file, as a deployment leaves it. */
function deployed(): string {
  const directory = testDirectory();
  writeFileSync(join(directory, 'slotwise.outputs.json'), JSON.stringify({ ingest: OUTPUT_VALUES }));
  return directory;
}

const REQUIRED = { SLOTWISE_BRIDGE: 'home', SLOTWISE_STATE_DIR: 'state' } as const;

function load(directory: string, env: Record<string, string>, file?: Record<string, unknown>) {
  if (file === undefined) return loadSettings({ env, directory });
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(file));
  return loadSettings({ env, directory, file: 'settings.json' });
}

function faultsOf(directory: string, env: Record<string, string>, file?: Record<string, unknown>): string[] {
  try {
    load(directory, env, file);
  } catch (cause) {
    if (cause instanceof SettingsFault) return cause.message.split('\n');
    throw cause;
  }
  return [];
}

describe('settings', () => {
  it('need a bridge, a state directory and the outputs of the deployment; the rest has defaults', () => {
    const directory = deployed();
    const settings = load(directory, { ...REQUIRED, PATH: '/bin' });
    expect(settings).toMatchObject({
      bridge: 'home',
      stateDir: join(directory, 'state'),
      feedQueueUrl: QUEUE,
      cloud: { registryTable: 'registry' },
      gateway: { host: '127.0.0.1', port: 4002, requestsPerSecond: GATEWAY.requestsPerSecond },
      lines: { cap: GATEWAY.linesCap, reserve: GATEWAY.linesReserve },
      marketData: { type: 'live' },
      sweep: { periodMs: BRIDGE.sweepPeriodMs, secTypes: [] },
      handlers: [],
    });
    expect(settings.snapshots.contracts.map(({ symbol }) => symbol)).toEqual(['VIX', 'SPY', 'QQQ', 'IWM']);
  });

  it('come from a file and from the environment, which wins', () => {
    const directory = deployed();
    const file = {
      bridge: 'home',
      stateDir: 'from-file',
      gateway: { port: 7497, clientId: 5 },
      sweep: { secTypes: ['OPT'] },
    };
    const env = {
      SLOTWISE_GATEWAY_PORT: '4001',
      SLOTWISE_SWEEP_SEC_TYPES: 'OPT, FOP',
      SLOTWISE_SNAPSHOTS_CONTRACTS: '[{"symbol":"SPX","secType":"IND","exchange":"CBOE","currency":"USD"}]',
      SLOTWISE_HEARTBEAT_PERIOD_MS: '',
    };
    expect(load(directory, env, file)).toMatchObject({
      gateway: { port: 4001, clientId: 5 },
      sweep: { secTypes: ['OPT', 'FOP'] },
      snapshots: { contracts: [{ symbol: 'SPX' }] },
      heartbeat: { periodMs: BRIDGE.heartbeatPeriodMs },
    });
  });

  it('find the file by SLOTWISE_CONFIG, and its relative paths beside it', () => {
    const directory = deployed();
    const home = join(directory, 'etc');
    mkdirSync(home);
    writeFileSync(join(home, 'mine.js'), '');
    const content = { bridge: 'home', stateDir: 'state', handlers: ['mine.js'] };
    writeFileSync(join(home, 'settings.json'), JSON.stringify(content));
    const settings = load(directory, { SLOTWISE_CONFIG: 'etc/settings.json', SLOTWISE_DIR: '.slotwise' });
    expect(settings).toMatchObject({ stateDir: join(home, 'state'), handlers: [join(home, 'mine.js')] });
    expect(settings.outputs).toBe(join(directory, 'slotwise.outputs.json'));
  });

  it('leave the rate of requests to the account, however few of its lines the bridge may use', () => {
    const lines = { cap: 10, reserve: 9 };
    const settings = load(deployed(), REQUIRED, { gateway: { requestsPerSecond: 50 }, lines });
    expect(settings).toMatchObject({ gateway: { requestsPerSecond: 50 }, lines });
  });
});

describe('faults of the settings', () => {
  it('are reported all at once, each with key, value and remedy', () => {
    const faults = faultsOf(
      testDirectory(),
      {
        SLOTWISE_BRIDGE: 'Home Server',
        SLOTWISE_GATEWAY_PORT: 'four',
        SLOTWISE_SWEEP_PERIOD: '30',
        SLOTWISE_SNAPSHOTS_CONTRACTS: '[broken',
      },
      {
        gatway: { port: 4001 },
        gateway: { clientID: 7 },
        heartbeat: { periodMs: 90_000 },
        recorder: { periodMs: 1.5 },
        handlers: ['missing.js'],
      },
    );
    const about = (key: string) => faults.find((fault) => fault.startsWith(key));
    expect(about('SLOTWISE_BRIDGE (bridge) = "Home Server"')).toContain('lower-case letters');
    expect(about('stateDir')).toContain(
      'is required: set "stateDir" in the settings file, or SLOTWISE_STATE_DIR',
    );
    expect(about('SLOTWISE_GATEWAY_PORT (gateway.port) = "four"')).toContain('expected');
    expect(about('SLOTWISE_SWEEP_PERIOD:')).toContain('did you mean "SLOTWISE_SWEEP_PERIOD_MS"?');
    expect(about('SLOTWISE_SNAPSHOTS_CONTRACTS = "[broken"')).toContain('must be a JSON list');
    expect(about('gatway')).toContain('did you mean "gateway"?');
    expect(about('gateway.clientID')).toContain('did you mean "clientId"?');
    expect(about('recorder.periodMs = 1.5')).toContain('whole milliseconds');
    expect(about('heartbeat.periodMs = 90000')).toContain('must be below 80000');
    expect(about('handlers =')).toContain('there is no such module');
    expect(about('outputs =')).toContain('write it with cdk deploy');
    expect(faults).toHaveLength(11);
  });

  it.each([
    [
      { sweep: { periodMs: 10_000, deadlineMs: 10_000 } },
      /sweep\.deadlineMs = 10000: must be below sweep\.periodMs/,
    ],
    [
      { gateway: { backoffMinMs: 5000, backoffMaxMs: 1000 } },
      /gateway\.backoffMinMs = 5000: must be at most/,
    ],
    [{ status: { port: 65_536 } }, /status\.port = 65536: must be a port/],
    [{ gateway: { port: 0 } }, /gateway\.port = 0: must be a port, 1 to 65535/],
    [{ lines: { cap: 0 } }, /lines\.cap = 0/],
    [{ lines: { cap: 10 } }, /lines\.reserve = 10: must be below lines\.cap \(10\)/],
    [{ lines: { reserve: -1 } }, /lines\.reserve = -1/],
    [{ gateway: { requestsPerSecond: 51 } }, /gateway\.requestsPerSecond = 51: must be at most 50/],
    [{ marketData: { type: 'frozen' } }, /marketData\.type = "frozen": .*"live"\|"delayed"/],
    [{ feed: { longPollS: 21 } }, /feed\.longPollS = 21/],
    [{ sweep: { secTypes: ['opt'] } }, /sweep\.secTypes\.0 = "opt": must be IB security types/],
    [
      { snapshots: { contracts: [{ symbol: 'VIX', secType: 'IND', exchange: 'CBOE' }] } },
      /contracts\.0\.currency: is required/,
    ],
    [{ snapshots: { contracts: [{ symbl: 'VIX' }] } }, /did you mean "symbol"/],
  ])('%j', (file, expected) => {
    const faults = faultsOf(deployed(), REQUIRED, file);
    expect(faults.join('\n')).toMatch(expected);
  });

  it('name the bridges that the deployment knows', () => {
    const [fault] = faultsOf(deployed(), { ...REQUIRED, SLOTWISE_BRIDGE: 'hone' });
    expect(fault).toContain('has no feed queue for bridge "hone": did you mean "home"?');
    expect(fault).toContain('cdk.json');
  });

  it('name what the outputs file lacks', () => {
    const directory = testDirectory();
    const { [OUTPUTS.registryTable]: _missing, ...rest } = OUTPUT_VALUES;
    writeFileSync(join(directory, 'slotwise.outputs.json'), JSON.stringify({ ingest: rest }));
    expect(faultsOf(directory, REQUIRED)).toEqual([expect.stringContaining(OUTPUTS.registryTable)]);
  });

  it('say why the settings file cannot be read', () => {
    const directory = deployed();
    writeFileSync(join(directory, 'settings.json'), '{ "bridge": ');
    const [fault] = faultsOf(directory, { ...REQUIRED, SLOTWISE_CONFIG: 'settings.json' });
    expect(fault).toMatch(/^SLOTWISE_CONFIG = .*settings\.json": the settings file cannot be read: /);
  });

  it('refuse a state directory that is a file', () => {
    const directory = deployed();
    writeFileSync(join(directory, 'state'), '');
    expect(faultsOf(directory, REQUIRED)).toEqual([
      expect.stringMatching(/^SLOTWISE_STATE_DIR \(stateDir\) = .*is a file/),
    ]);
  });

  it('do not repeat the value of a name that nobody knows', () => {
    const faults = faultsOf(deployed(), { ...REQUIRED, SLOTWISE_PASSWORD: 'hunter2' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).not.toContain('hunter2');
  });
});
