import { CommanderError } from 'commander';
import { describeFailure, EXIT } from './failure.ts';

/** What the process says and returns when a command threw. */
export interface Report {
  /** Nothing where all has been said, as after help. */
  readonly line?: string;
  readonly exitCode: number;
}

/** @param command the name of the command that was asked for, where there is one of that name */
export function reportOf(error: unknown, command: string | undefined): Report {
  if (!(error instanceof CommanderError)) {
    const { line, exitCode } = describeFailure(error);
    return { line: `slotwise: ${line}`, exitCode };
  }
  if (error.exitCode === 0) return { exitCode: EXIT.ok };
  // Help that nobody asked for has been printed in place of an error.
  if (error.code === 'commander.help') return { exitCode: EXIT.usage };
  const fault = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const help = ['slotwise', ...(command === undefined ? [] : [command]), '--help'].join(' ');
  return { line: `slotwise: ${fault}: see ${help}`, exitCode: EXIT.usage };
}
