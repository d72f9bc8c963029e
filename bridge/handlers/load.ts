import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { describeFaults } from '../../shared/message.ts';
import type { Log } from '../log.ts';
import type { HandlerFactory, PositionUpdateHandler } from './handler.ts';

const method = z.custom<() => void | Promise<void>>(
  (value) => typeof value === 'function',
  'must be a function',
);

const handlerSchema = z.looseObject({
  name: z.string().min(1),
  lanes: z.array(z.enum(['stream', 'poll'])).optional(),
  secTypes: z.array(z.string().min(1)).optional(),
  handle: method,
  start: method.optional(),
  stop: method.optional(),
});

/**
 * Loads the user's handler modules in the order in which they are configured.
 * @param modules paths, relative ones to `directory`
 * @throws Error naming every module at fault, what is wrong with it and what it should be
 */
export async function loadHandlers(
  modules: readonly string[],
  options: { readonly directory: string; readonly log: Log; readonly reserved?: readonly string[] },
): Promise<PositionUpdateHandler[]> {
  const settled = await Promise.allSettled(modules.map((module) => loadHandler(module, options)));
  const handlers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const faults = [
    ...settled.flatMap((result) => (result.status === 'rejected' ? [(result.reason as Error).message] : [])),
    ...duplicates([...(options.reserved ?? []), ...handlers.map((handler) => handler.name)]).map(
      (name) => `two handlers are named "${name}": give each a name of its own`,
    ),
  ];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return handlers;
}

async function loadHandler(
  module: string,
  { directory, log }: { readonly directory: string; readonly log: Log },
): Promise<PositionUpdateHandler> {
  const path = resolve(directory, module);
  let exported: { readonly default?: unknown };
  try {
    exported = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw new Error(
      `handler ${module}: cannot be loaded from ${path}: ${(cause as Error).message}. ` +
        'Check the path in the configuration (relative paths start at the configuration file) and run it with node.',
      { cause },
    );
  }
  let candidate = exported.default;
  try {
    if (typeof candidate === 'function') candidate = await (candidate as HandlerFactory)({ log });
  } catch (cause) {
    throw new Error(`handler ${module}: its factory failed: ${(cause as Error).message}`, { cause });
  }
  const parsed = handlerSchema.safeParse(candidate);
  if (!parsed.success) {
    throw new Error(
      `handler ${module}: its default export is not a handler: ${describeFaults(parsed.error)}. ` +
        'Export an object { name, handle(update) } or a function that returns one.',
    );
  }
  return candidate as PositionUpdateHandler;
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
