import type { CloudOptions, LocalCloud } from './cloud-types.ts';

/**
 * Starts the embedded AWS of a synthesized cloud assembly: queues, tables and buckets of the template, its functions
 * in worker threads, its event source mappings.
 * @throws Error naming logical id and property when the template holds something that is not understood
 */
export async function startCloud(_options: CloudOptions): Promise<LocalCloud> {
  throw new Error('not built yet');
}
