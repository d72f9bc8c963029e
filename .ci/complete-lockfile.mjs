// Completes package-lock.json with the optional platform packages that the registry at hand does not carry.
// npm leaves such a package out of the lock and `npm ci` then refuses the lock as incomplete, on every platform
// (https://github.com/npm/cli/issues/4828). Run after every `npm install`: npm run lockfile
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(process.argv[2] ?? path, 'utf8'));
const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

const added = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key]) continue;
    const words = name.split('/').at(-1).split('-');
    const os = SYSTEMS.filter((system) => words.includes(system));
    const cpu = PROCESSORS.filter((processor) => words.includes(processor));
    if (os.length === 0 || cpu.length === 0)
      throw new Error(`${name}: cannot tell its platform from its name`);
    const libc = words.some((word) => word.startsWith('musl')) ? { libc: ['musl'] } : {};
    lock.packages[key] = { version, cpu, ...(parent.dev ? { dev: true } : {}), ...libc, optional: true, os };
    added.push(name);
  }
}
const [root, ...rest] = Object.entries(lock.packages).sort(([left], [right]) => (left < right ? -1 : 1));
lock.packages = Object.fromEntries([root, ...rest]);
writeFileSync(process.argv[2] ?? path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} platform packages added to the lock`);
