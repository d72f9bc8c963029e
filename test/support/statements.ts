import { readFileSync, writeFileSync } from 'node:fs';

interface Template {
  readonly Resources: Record<
    string,
    { readonly Properties: { readonly PolicyDocument?: { Statement: { readonly Sid?: string }[] } } }
  >;
}

/** Takes the statement out of the policies of an assembly. @throws Error unless exactly one has it */
export function removeStatement(assembly: string, sid: string): void {
  const file = `${assembly}/SlotwiseProcessing.template.json`;
  const template = JSON.parse(readFileSync(file, 'utf8')) as Template;
  let removed = 0;
  for (const { Properties } of Object.values(template.Resources)) {
    const document = Properties.PolicyDocument;
    if (document === undefined) continue;
    const rest = document.Statement.filter(({ Sid }) => Sid !== sid);
    removed += document.Statement.length - rest.length;
    document.Statement = rest;
  }
  if (removed !== 1) throw new Error(`${removed} policies have a statement ${sid}`);
  writeFileSync(file, JSON.stringify(template));
}
