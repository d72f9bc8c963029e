import { readFile } from 'node:fs/promises';
import type { z } from 'zod';

/** A JSON file that cannot be what it should be: `faults` has one line for each thing that is wrong, with its path. */
export class DocumentError extends Error {
  override readonly name: string = 'DocumentError';
  readonly path: string;
  readonly faults: readonly string[];

  constructor(path: string, faults: readonly string[], options?: ErrorOptions) {
    super(`${path}: ${faults.join('; ')}`, options);
    this.path = path;
    this.faults = faults;
  }
}

/** @param Fault the class of what is thrown @throws DocumentError */
export async function readDocument<T>(
  path: string,
  schema: z.ZodType<T>,
  Fault: typeof DocumentError = DocumentError,
): Promise<T> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Fault(path, [(cause as Error).message], { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Fault(
    path,
    parsed.error.issues.map((issue) => `${pathText(issue.path)} ${issue.message}`),
  );
}

/** `positions[3].conId` */
function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text === '' ? 'the document' : text;
}
