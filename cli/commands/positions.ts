import { Command } from 'commander';
export function positionsCommand(): Command {
  return new Command('positions');
}
