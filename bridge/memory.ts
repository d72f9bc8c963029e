import { setFlagsFromString } from 'node:v8';

/**
 * The bridge shares its machine with a Java gateway, and 200 MB is what it may take with 5,000 positions. Left alone,
 * V8 lets the garbage of a sweep stand until the heap has doubled (400 MB measured); it collects sooner for a few per
 * cent of a core. Call it before the bridge's modules are loaded: `node bench/bridge.ts` shows what it saves.
 */
export function saveMemory(): void {
  setFlagsFromString('--memory-saver-mode');
  setFlagsFromString('--semi-space-growth-factor=1');
}
