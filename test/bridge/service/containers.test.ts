import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadSettings } from '../../../bridge/config.ts';
import { BRIDGE_PACKAGES, packagesOf } from '../../../infra/constructs/release.ts';
import { testDirectory } from '../../support/directory.ts';
import { writeOutputs } from '../../support/outputs.ts';

const read = (file: string) => readFileSync(join(import.meta.dirname, '../../../', file), 'utf8');

const serviceSchema = z.strictObject({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  restart: z.literal('always'),
  environment: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  volumes: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  network_mode: z.string().optional(),
  stop_grace_period: z.string().optional(),
  read_only: z.boolean().default(false),
  tmpfs: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  mem_limit: z.string(),
  pids_limit: z.int().optional(),
});

const compose = z
  .strictObject({
    name: z.string(),
    services: z.strictObject({ 'ib-gateway': serviceSchema, bridge: serviceSchema }),
    volumes: z.record(z.string(), z.null()),
    secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  })
  .parse(parse(read('bridge/service/compose.yaml')));

const services = Object.entries(compose.services);
const { bridge, 'ib-gateway': gateway } = compose.services;
const dockerfile = read('bridge/service/Dockerfile');
const project = z
  .object({ devDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));

/** As compose fills in what the environment does not have. */
function defaulted(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
}

describe('the containers', () => {
  it('publish nothing beyond this machine', () => {
    const published = services.flatMap(([, { ports }]) => ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(bridge).toMatchObject({ network_mode: 'host', ports: [] });
  });

  it('know secrets by file alone', () => {
    for (const [name, { environment, secrets }] of services) {
      for (const key of Object.keys(environment).filter((each) => /PASSWORD|SECRET|TOKEN|KEY/.test(each))) {
        expect(key, name).toMatch(/_FILE$/);
      }
      for (const path of Object.values(environment).filter((value) => value.startsWith('/run/secrets/'))) {
        expect(
          secrets.map((secret) => `/run/secrets/${secret}`),
          name,
        ).toContain(path);
      }
      for (const secret of secrets) expect(compose.secrets[secret]?.file).toMatch(/^\/etc\/slotwise\//);
    }
  });

  it('can do no more than they need', () => {
    for (const [name, service] of services) {
      expect(service.cap_drop, name).toEqual(['ALL']);
      expect(service.security_opt, name).toEqual(['no-new-privileges:true']);
    }
    expect(gateway.environment).toMatchObject({ READ_ONLY_API: 'yes' });
    expect(bridge).toMatchObject({ read_only: true, tmpfs: ['/tmp'] });
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  it('run what was chosen and not what is newest', () => {
    expect(gateway.image).toMatch(/:\d+\.\d+\.\w+$/);
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases)).toEqual(new Set([`node:${project.devDependencies.node}-bookworm-slim`]));
  });

  it('have all packages that the bridge needs, whatever the image leaves out', () => {
    const [, left = ''] = /rm -rf (.+)$/m.exec(dockerfile) ?? [];
    const leftOut = left.split(' ');
    expect(leftOut.length).toBeGreaterThan(1);
    const needed = packagesOf(BRIDGE_PACKAGES);
    expect(needed.filter((path) => leftOut.some((out) => `${path}/`.startsWith(`${out}/`)))).toEqual([]);
  });

  it('keep on a volume what the bridge has not sent, and give it the time to send it', () => {
    const kept = bridge.volumes
      .filter((volume) => !volume.startsWith('/'))
      .map((volume) => volume.split(':'));
    expect(kept).toEqual([['state', bridge.environment.SLOTWISE_STATE_DIR]]);
    expect(Object.keys(compose.volumes)).toContain('state');
    expect(dockerfile).toContain(`-o node -g node -m 0700 ${bridge.environment.SLOTWISE_STATE_DIR}`);
    expect(Number.parseInt(bridge.stop_grace_period ?? '', 10)).toBeGreaterThan(10);
  });

  it('meet: the bridge asks at the port at which the relay of the trading mode is published', () => {
    const port = defaulted(bridge.environment.SLOTWISE_GATEWAY_PORT ?? '');
    expect(defaulted(gateway.environment.TRADING_MODE ?? '')).toBe('paper');
    expect(gateway.ports).toContain(`127.0.0.1:${port}:4004`);
  });

  it('give the bridge settings that it takes, with the outputs of a deployment as the only file', () => {
    const outputs = writeOutputs(testDirectory());
    const env = Object.fromEntries(
      Object.entries(bridge.environment).map(([name, value]) => [name, defaulted(value)]),
    );
    expect(bridge.volumes).toContain(`${env.SLOTWISE_OUTPUTS}:${env.SLOTWISE_OUTPUTS}:ro`);
    const settings = loadSettings({ env: { ...env, SLOTWISE_OUTPUTS: outputs } });
    expect(settings).toMatchObject({ bridge: 'home', stateDir: '/var/lib/slotwise' });
    expect(settings.gateway).toMatchObject({ host: '127.0.0.1', port: 4002 });
  });
});
