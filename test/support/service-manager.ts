import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { testDirectory } from './directory.ts';
import { eventually } from './eventually.ts';

/** Node cannot listen for datagrams on a path; perl can, and every Debian, Ubuntu and Fedora has it. */
const RECEIVER = `
use Socket; $| = 1;
socket(my $socket, PF_UNIX, SOCK_DGRAM, 0) or die; bind($socket, sockaddr_un($ARGV[0])) or die;
print "listening\\n";
while (defined recv($socket, my $message, 65536, 0)) { print join("\\t", split(/\\n/, $message)), "\\n" }`;

/** @returns what is missing on this machine to hear a service speak, or undefined */
export function missingForNotify(): string | undefined {
  const missing = ['systemd-notify', 'perl'].filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} missing`;
}

export interface TestServiceManager {
  /** Of the socket: NOTIFY_SOCKET. */
  readonly address: string;
  /** Each datagram so far as its assignments; without the one by which systemd-notify waits to be read. */
  readonly heard: readonly (readonly string[])[];
  /** Until one has an assignment that begins so, from `at` on. */
  until(start: string, at?: number): Promise<readonly string[]>;
  /** How long ago WATCHDOG=1 came last: what systemd measures. */
  silenceMs(): number;
}

/** The end of the notify socket that belongs to systemd; gone when the test is over. */
export async function startServiceManager(): Promise<TestServiceManager> {
  const address = join(testDirectory(), 'notify');
  const receiver = spawn('perl', ['-e', RECEIVER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void receiver.kill('SIGKILL'));
  const heard: string[][] = [];
  let isListening = false;
  let lastTick = performance.now();
  createInterface({ input: receiver.stdout }).on('line', (line) => {
    const assignments = line.split('\t');
    if (line === 'listening') isListening = true;
    else if (line !== 'BARRIER=1') heard.push(assignments);
    if (assignments.includes('WATCHDOG=1')) lastTick = performance.now();
  });
  await eventually(() => isListening);
  return {
    address,
    heard,
    until: (start, at = 0) =>
      eventually(() => heard.slice(at).find((one) => one.some((text) => text.startsWith(start))), {
        deadlineMs: 20_000,
        what: `${start} after ${JSON.stringify(heard)}`,
      }),
    silenceMs: () => performance.now() - lastTick,
  };
}
