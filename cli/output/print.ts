/** Standard output is the answer; everything said about it goes to standard error. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One document, indented: for programs, and readable all the same. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
