import { CommandFailure, EXIT } from '../../cli/failure.ts';

/**
 * What keeps a local run from starting, or ends it, for a reason that the person at the terminal can mend: one line
 * that names the trouble and its remedy, exit code 2, nothing left behind.
 */
export class LocalFault extends CommandFailure {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.usage, message, options);
    this.name = 'LocalFault';
  }
}
