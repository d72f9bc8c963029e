import { Command } from 'commander';
export function linesCommand(): Command {
  return new Command('lines');
}
