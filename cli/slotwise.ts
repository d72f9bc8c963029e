#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { EXIT } from './failure.ts';
import { createProgram } from './program.ts';
import { reportOf } from './report.ts';

/** The process edge: arguments in, exit code out. Nothing below it ends the process. */

// What a command loads beyond this, the AWS SDK above all, takes half the time when it was compiled before.
enableCompileCache();

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
