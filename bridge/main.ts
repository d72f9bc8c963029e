import { enableCompileCache } from 'node:module';
import { saveMemory } from './memory.ts';

// Both work only on what is loaded after them. The cache also spares the type stripper, 20 MB of it.
saveMemory();
enableCompileCache();
const { runBridge } = await import('./run.ts');
process.exit(await runBridge());
