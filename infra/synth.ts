import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import { HOST_STACK } from '../shared/names.ts';
import { readAuthorityCertificate } from './authority-certificate.ts';
import { CONTEXT, type SettingOverrides, settingsOf } from './settings.ts';
import { BridgeAccessStack } from './stacks/bridge-access.ts';
import { CatalogStack } from './stacks/catalog.ts';
import { FeedStack } from './stacks/feed.ts';
import { HostStack } from './stacks/host.ts';
import { IngestStack } from './stacks/ingest.ts';
import { ObservabilityStack } from './stacks/observability.ts';
import { StateStack } from './stacks/state.ts';

/** In the order of deployment; the template of each is `<outdir>/<name>.template.json`. */
const STACKS = {
  state: 'SlotwiseState',
  ingest: 'SlotwiseIngest',
  feed: 'SlotwiseFeed',
  bridgeAccess: 'SlotwiseBridgeAccess',
  observability: 'SlotwiseObservability',
  catalog: 'SlotwiseCatalog',
  host: HOST_STACK,
} as const;

export interface SynthesizeOptions {
  /** Where the cloud assembly goes. */
  readonly outdir: string;
  /** Default: the list in cdk.json. */
  readonly bridges?: readonly string[];
  /** Default: what cdk.json says. */
  readonly overrides?: SettingOverrides;
  /** For the local run: functions with the machine code of this machine. */
  readonly runsHere?: boolean;
  /** Default: true. Without bundles the templates are there much sooner, and name code that cannot run. */
  readonly bundles?: boolean;
}

export interface Assembly {
  readonly directory: string;
  /** In the order of deployment. */
  readonly stacks: readonly { readonly name: string; readonly templateFile: string }[];
}

/**
 * Writes the templates and the bundled handlers; needs neither network nor credentials.
 * @throws SettingFault when a setting is wrong
 */
export function synthesize(options: SynthesizeOptions): Assembly {
  const assembly = appOf(options).synth();
  return {
    directory: assembly.directory,
    stacks: Object.values(STACKS).flatMap((name) => {
      const stack = assembly.stacks.find(({ stackName }) => stackName === name);
      return stack === undefined ? [] : [{ name, templateFile: stack.templateFullPath }];
    }),
  };
}

/**
 * The constructs before their synthesis, for rules that look at more than templates.
 * @throws SettingFault when a setting is wrong
 */
export function appOf(options: SynthesizeOptions): App {
  const app = new App({
    outdir: options.outdir,
    context: {
      ...projectContext(),
      ...(options.bundles === false && { [BUNDLING_STACKS]: [] }),
    },
    analyticsReporting: false,
    treeMetadata: false,
    // For a deployment alone: the validator takes longer to start than everything else here.
    builtinCloudFormationValidation: options.runsHere !== true,
  });
  const settings = settingsOf({
    bridges: options.bridges ?? contextOf(app, CONTEXT.bridges),
    overrides: options.overrides ?? contextOf(app, CONTEXT.settings),
    ...(options.runsHere !== undefined && { runsHere: options.runsHere }),
  });
  const state = new StateStack(app, STACKS.state, settings);
  const ingest = new IngestStack(app, STACKS.ingest, { state, settings });
  const feed = new FeedStack(app, STACKS.feed, { state, settings });
  const authority = settings.bridgeAccess?.caCertificate;
  const { access } = new BridgeAccessStack(app, STACKS.bridgeAccess, {
    state,
    feed,
    settings,
    authorityPem:
      authority === undefined
        ? undefined
        : readAuthorityCertificate(resolve(fileURLToPath(PROJECT), '..', authority), new Date()),
  });
  const { topic } = new ObservabilityStack(app, STACKS.observability, { state, ingest, feed, settings });
  new CatalogStack(app, STACKS.catalog, { state, settings });
  if (settings.host !== undefined) {
    const { host, runsHere } = settings;
    const of = access.get(host.bridge);
    if (of === undefined) throw new RangeError(`the bridge ${host.bridge} has no access`);
    const outputs = { ...state.outputs, ...feed.outputsOf(host.bridge) };
    new HostStack(app, STACKS.host, { host, access: of, outputs, topic, runsHere });
  }
  return app;
}

/** Files that it names are beside it. */
const PROJECT = new URL('../cdk.json', import.meta.url);

/** The context of cdk.json, which the CDK command line hands over and a plain `node infra/app.ts` does not. */
function projectContext(): Record<string, unknown> {
  const project = JSON.parse(readFileSync(PROJECT, 'utf8')) as { context?: Record<string, unknown> };
  return project.context ?? {};
}

/** `cdk deploy -c key=value` brings the value as text. */
function contextOf(app: App, key: string): unknown {
  const value: unknown = app.node.tryGetContext(key);
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
