import { join } from 'node:path';
import { LOCAL_RUN } from '../../shared/local-run.ts';
import type { SimulatedGateway } from '../gateway/gateway.ts';
import { BridgeProcess } from '../run/bridge-process.ts';
import type { CloudPart } from '../run/cloud-part.ts';
import type { StateDirectory } from '../run/state-directory.ts';
import { Keeper } from './keeper.ts';

const CLIENT_ID = 101;

/** Of the run's only bridge, below its directory. */
export function bridgeDirectory(bridge: string): string {
  return join('bridge', bridge);
}

/**
 * A bridge of the deployed outputs at a simulated gateway, started again whenever it ends; the run's record says where
 * it is.
 */
export function keptBridge(options: {
  readonly directory: StateDirectory;
  readonly cloudPart: CloudPart;
  readonly gateway: SimulatedGateway;
  /** What it is told beyond identity, outputs and gateway. */
  readonly settings: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly logFile: string;
  readonly restartMs: number;
}): Keeper {
  const { directory, cloudPart, gateway, settings, logFile, restartMs } = options;
  const { bridge, cloud } = cloudPart;
  const stateDir = bridgeDirectory(bridge);
  const environment = {
    PATH: process.env.PATH,
    ...cloud.env(`bridge-${bridge}`),
    ...settings,
    SLOTWISE_BRIDGE: bridge,
    SLOTWISE_STATE_DIR: directory.file(stateDir),
    SLOTWISE_OUTPUTS: directory.file(LOCAL_RUN.outputsFile),
    SLOTWISE_GATEWAY_HOST: gateway.host,
    SLOTWISE_GATEWAY_PORT: String(gateway.port),
    SLOTWISE_GATEWAY_CLIENT_ID: String(CLIENT_ID),
    SLOTWISE_STATUS_PORT: '0',
  };
  return new Keeper({
    spawn: () => BridgeProcess.spawn({ environment, logFile }),
    restartMs,
    onPresence: ({ identity, statusUrl }) =>
      directory.update({
        children: [...cloud.processes, ...(identity === undefined ? [] : [{ name: 'bridge', ...identity }])],
        gateway: { host: gateway.host, port: gateway.port, simulated: true },
        bridges: [{ id: bridge, stateDir, ...(statusUrl === undefined ? {} : { statusUrl }) }],
      }),
  });
}
