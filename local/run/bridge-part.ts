import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import { BridgeProcess } from './bridge-process.ts';
import { type BridgePresence, BridgeSupervisor } from './bridge-supervisor.ts';
import type { CloudPart } from './cloud-part.ts';
import type { GatewayPart } from './gateway-part.ts';
import type { StateDirectory } from './state-directory.ts';

/** Beside the gateway's own user interface (0) and what people try first (1). */
const CLIENT_ID = 101;

/** The bridge as a process of its own, as it runs beside a real gateway. */
export interface BridgePart extends AsyncDisposable {
  readonly supervisor: BridgeSupervisor;
  /** Where it answers now; undefined while it is down. */
  readonly statusUrl: string | undefined;
  readonly statusFile: string;
}

/** @throws LocalFault when it does not start, with what its log says */
export async function startBridgePart(options: {
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly gateway: GatewayPart;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<BridgePart> {
  const { directory, cloudPart, gateway, say, signal } = options;
  const { bridge, cloud } = cloudPart;
  const relativeDir = join('bridge', bridge);
  const stateDir = directory.file(relativeDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const environment = {
    ...withoutAws(process.env),
    ...cloud.env(`bridge-${bridge}`),
    SLOTWISE_BRIDGE: bridge,
    SLOTWISE_STATE_DIR: stateDir,
    SLOTWISE_OUTPUTS: directory.file(LOCAL_RUN.outputsFile),
    SLOTWISE_GATEWAY_HOST: gateway.host,
    SLOTWISE_GATEWAY_PORT: String(gateway.port),
    SLOTWISE_GATEWAY_CLIENT_ID: process.env.SLOTWISE_GATEWAY_CLIENT_ID ?? String(CLIENT_ID),
    SLOTWISE_STATUS_PORT: '0',
  };
  const logFile = join(stateDir, 'bridge.log');
  let presence: BridgePresence = { identity: undefined, statusUrl: undefined };
  const supervisor = new BridgeSupervisor({
    spawn: () => BridgeProcess.spawn({ environment, logFile }),
    logFile,
    say,
    onPresence: (next) => {
      presence = next;
      const { identity, statusUrl } = next;
      directory.update({
        children: [...cloud.processes, ...(identity === undefined ? [] : [{ name: 'bridge', ...identity }])],
        gateway: { host: gateway.host, port: gateway.port, simulated: gateway.simulated !== undefined },
        bridges: [{ id: bridge, stateDir: relativeDir, ...(statusUrl === undefined ? {} : { statusUrl }) }],
      });
    },
  });
  await supervisor.start(signal);
  return {
    supervisor,
    get statusUrl() {
      return presence.statusUrl;
    },
    statusFile: join(stateDir, LOCAL_RUN.statusFile),
    async [Symbol.asyncDispose]() {
      supervisor.kill();
      await supervisor.stop(0);
    },
  };
}

/** A profile or an endpoint of the user's own would win over the keys of this run. */
function withoutAws(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('AWS_')));
}
