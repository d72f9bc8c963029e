#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

/** The process edge: arguments in, exit code out. Nothing below it ends the process. */

// Works only on what is loaded after it, and spares the type stripper: commands start in half the time.
enableCompileCache();
const [{ EXIT }, { createProgram }, { reportOf }] = await Promise.all([
  import('./failure.ts'),
  import('./program.ts'),
  import('./report.ts'),
]);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has seen enough, as `head` does.
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const argv = process.argv.slice(2);
const program = await createProgram(argv);
try {
  await program.parseAsync(argv, { from: 'user' });
} catch (error) {
  const command = program.commands.find((each) => each.name() === argv[0])?.name();
  const { line, exitCode } = reportOf(error, command);
  if (line !== undefined) process.stderr.write(`${line}\n`);
  if (process.env.SLOTWISE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = exitCode;
}
