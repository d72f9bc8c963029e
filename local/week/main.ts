import { fileURLToPath } from 'node:url';
import { CommandFailure, EXIT } from '../../cli/failure.ts';
import { readWeekOptions, USAGE } from './options.ts';
import { enterNamespace } from './small-disk.ts';

/** Process edge of `npm run week`. What it needs is loaded once it is where it can mount. */
try {
  const args = process.argv.slice(2);
  const options = readWeekOptions(args, Math.random);
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`);
  } else {
    enterNamespace(fileURLToPath(import.meta.url), args);
    const { runWeek } = await import('./week.ts');
    process.exitCode = await runWeek(options);
  }
} catch (cause) {
  if (!(cause instanceof CommandFailure)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = EXIT.usage;
}
