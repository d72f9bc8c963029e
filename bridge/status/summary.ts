import type { BridgeStatus } from '../../shared/status.ts';
import { healthOf } from './health.ts';

/** The whole bridge in one line, for `systemctl status`. */
export function summaryOf(status: BridgeStatus): string {
  const { lines, sweeps, outbox, registry } = status;
  const fault = outbox.lastFault === undefined ? '' : ` (${outbox.lastFault})`;
  return [
    healthOf(status).reason,
    `${lines.streaming} of ${lines.cap} lines stream`,
    `${sweeps.positions} positions`,
    `${outbox.depth} messages wait for AWS${fault}`,
    `registry ${registry.state}, version ${registry.version}`,
  ].join('; ');
}
