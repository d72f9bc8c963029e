import { globSync, readFileSync, writeFileSync } from 'node:fs';

interface Template {
  readonly Resources: Record<
    string,
    { readonly Properties?: { readonly PolicyDocument?: { Statement: { readonly Sid?: string }[] } } }
  >;
}

/** Takes the statement out of the policies of an assembly. @throws Error unless exactly one has it */
export function removeStatement(assembly: string, sid: string): void {
  let removed = 0;
  for (const file of globSync(`${assembly}/*.template.json`)) {
    const template = JSON.parse(readFileSync(file, 'utf8')) as Template;
    for (const { Properties } of Object.values(template.Resources)) {
      const document = Properties?.PolicyDocument;
      if (document === undefined) continue;
      const rest = document.Statement.filter(({ Sid }) => Sid !== sid);
      removed += document.Statement.length - rest.length;
      document.Statement = rest;
    }
    writeFileSync(file, JSON.stringify(template));
  }
  if (removed !== 1) throw new Error(`${removed} policies have a statement ${sid}`);
}
