#!/usr/bin/env node
import { CommanderError } from 'commander';
import { describeFailure, EXIT } from './failure.ts';
import { createProgram, describeUsage } from './program.ts';

/** The process edge: arguments in, exit code out. Nothing below it ends the process. */

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has seen enough, as `head` does.
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const argv = process.argv.slice(2);
try {
  const program = await createProgram(argv);
  await program.parseAsync(argv, { from: 'user' });
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    // Help that was not asked for has been printed already.
    if (error.code !== 'commander.help') {
      process.stderr.write(`slotwise: ${describeUsage(error)}: see slotwise ${argv[0] ?? ''} --help\n`);
    }
    return EXIT.usage;
  }
  const { line, exitCode } = describeFailure(error);
  process.stderr.write(`slotwise: ${line}\n`);
  if (process.env.SLOTWISE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCode;
}
