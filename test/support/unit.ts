import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const unit = readFileSync(join(import.meta.dirname, '../../bridge/service/slotwise-bridge@.service'), 'utf8');

/**
 * The whole environment that systemd gives a bridge: what its unit says, without a word of anybody else.
 * @param root stands for /var/lib, /var/cache and /etc/slotwise
 */
export function unitEnvironment(bridge: string, root: string): Record<string, string> {
  const entries = [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value.replaceAll('%i', bridge).replaceAll(/%[SC]|\/etc\/slotwise/g, root),
  ]);
  return Object.fromEntries(entries);
}
