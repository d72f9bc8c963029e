import type { LocalStores, StoresOptions } from './cloud-types.ts';

/** Opens what an earlier run left in its state directory, without triggers and functions. */
export async function openStores(_options: StoresOptions): Promise<LocalStores> {
  throw new Error('not built yet');
}
