import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HOST_STACK } from '../../shared/names.ts';
import { TemplateFault } from './template-fault.ts';

const resourceSchema = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Condition: z.string().optional(),
});

const outputSchema = z.object({
  Value: z.unknown(),
  Export: z.object({ Name: z.unknown() }).optional(),
});

const templateSchema = z.object({
  Resources: z.record(z.string(), resourceSchema).default({}),
  Outputs: z.record(z.string(), outputSchema).default({}),
  Parameters: z.record(z.string(), z.object({ Type: z.string(), Default: z.unknown() })).default({}),
});

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      environment: z.string().optional(),
      dependencies: z.array(z.string()).default([]),
      properties: z
        .object({
          templateFile: z.string().optional(),
          stackName: z.string().optional(),
          file: z.string().optional(),
        })
        .default({}),
    }),
  ),
});

const assetsSchema = z.object({
  files: z
    .record(
      z.string(),
      z.object({
        source: z.object({ path: z.string().optional(), packaging: z.string().optional() }),
        destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
      }),
    )
    .default({}),
});

type Template = z.infer<typeof templateSchema>;
export type TemplateResource = z.infer<typeof resourceSchema>;

export interface Stack {
  readonly name: string;
  /** Explicit in the app, otherwise undefined. */
  readonly region?: string;
  readonly template: Template;
  /** Key in the asset bucket -> directory or file of the assembly. */
  readonly assets: ReadonlyMap<string, string>;
}

/**
 * Reads a cloud assembly as `cdk synth` writes it.
 * https://docs.aws.amazon.com/cdk/v2/guide/deploy.html (manifest, templates, asset manifests)
 * @throws Error naming the file that is missing or has another shape; TemplateFault for what is not understood
 */
export function readAssembly(dir: string): readonly Stack[] {
  const manifest = read(join(dir, 'manifest.json'), manifestSchema);
  const stacks: Stack[] = [];
  for (const [id, artifact] of Object.entries(manifest.artifacts)) {
    if (artifact.type === 'cdk:cloud-assembly') {
      throw new TemplateFault(
        { stack: id, logicalId: 'stage' },
        'stages are not understood by the local run',
      );
    }
    if (artifact.type !== 'aws:cloudformation:stack') continue;
    const { templateFile, stackName = id } = artifact.properties;
    // The machine itself is the host.
    if (stackName === HOST_STACK) continue;
    if (templateFile === undefined) {
      throw new TemplateFault({ stack: id, logicalId: 'manifest' }, 'the stack has no template file');
    }
    const assets = new Map<string, string>();
    for (const dependency of artifact.dependencies) {
      const file = manifest.artifacts[dependency]?.properties.file;
      if (manifest.artifacts[dependency]?.type !== 'cdk:asset-manifest' || file === undefined) continue;
      for (const { source, destinations } of Object.values(read(join(dir, file), assetsSchema).files)) {
        if (source.path === undefined) continue;
        for (const { objectKey } of Object.values(destinations))
          assets.set(objectKey, join(dir, source.path));
      }
    }
    const template = read(join(dir, templateFile), templateSchema);
    stacks.push({ name: stackName, template, assets, ...explicitRegion(artifact.environment) });
  }
  if (stacks.length === 0) throw new Error(`${dir} holds no stack: synthesize the app into it first`);
  return stacks;
}

/** `aws://<account>/<region>`, with `unknown-region` where the app leaves it open. */
function explicitRegion(environment: string | undefined): { region?: string } {
  const region = environment?.split('/').at(-1);
  return region === undefined || region === 'unknown-region' ? {} : { region };
}

function read<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new Error(`cannot read ${path} of the cloud assembly: ${(cause as Error).message}`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`${path} of the cloud assembly has another shape: ${z.prettifyError(parsed.error)}`);
}
