import { spawn } from 'node:child_process';

/**
 * A process of its own between the local run and a server that would outlive it: `node leash.ts <ready text> <binary>
 * [arguments]`. It ends the server as soon as its standard input closes, which happens however the run ends, kill -9
 * included. It leads a process group of its own, so Ctrl-C reaches neither it nor the server before the orderly
 * shutdown closes its input.
 *
 * Writes one line `ready <pid>` to standard output once the server has printed the ready text; the server's own
 * output goes to standard error. Exits with the server's code.
 */
const KILL_AFTER_MS = 2000;

const [readyText = '', binary = '', ...args] = process.argv.slice(2);
const server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });

let announced = false;
let printed = '';
function pass(chunk: Buffer): void {
  process.stderr.write(chunk);
  if (announced) return;
  printed += chunk.toString();
  if (!printed.includes(readyText)) return;
  announced = true;
  process.stdout.write(`ready ${server.pid}\n`);
}
server.stdout.on('data', pass);
server.stderr.on('data', pass);

function end(): void {
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS).unref();
}

// Whoever reads our output may be gone before us: that must not end the leash before the server.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.stdin.on('end', end).on('error', end).on('close', end).resume();
process.on('SIGTERM', end);
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

server.on('error', (cause) => {
  process.stderr.write(`cannot start ${binary}: ${cause.message}\n`);
  process.exit(127);
});
server.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
