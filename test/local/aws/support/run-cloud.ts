import { startCloud } from '../../../../local/aws/cloud.ts';

/** `node run-cloud.ts <assembly> <dir>`: a run to be interrupted or killed. Prints its processes once it is up. */
const [assembly = '', dir = ''] = process.argv.slice(2);
const cloud = await startCloud({ assembly, dir });
// The run itself decides when it stops.
process.on('SIGINT', () => process.stdout.write('interrupted\n'));
process.on('SIGTERM', () => void cloud.stop());
process.stdout.write(`${JSON.stringify({ processes: cloud.processes })}\n`);
