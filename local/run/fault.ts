/**
 * What keeps a local run from starting, or ends it, for a reason that the person at the terminal can mend: one line
 * that names the trouble and its remedy, exit code 2, nothing left behind.
 */
export class LocalFault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LocalFault';
  }
}
