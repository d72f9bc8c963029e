import { CommandFailure, EXIT } from '../../cli/failure.ts';
import { runKills } from './kills.ts';
import { readKillsOptions, USAGE } from './options.ts';

/** Process edge of `npm run kills`. */
try {
  const options = readKillsOptions(process.argv.slice(2), Math.random);
  if (options === undefined) process.stdout.write(`${USAGE}\n`);
  else process.exitCode = await runKills(options);
} catch (cause) {
  if (!(cause instanceof CommandFailure)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = EXIT.usage;
}
