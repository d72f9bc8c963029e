/**
 * Callers that no policy of the stacks is about, and that may do everything: the one list of them. Everybody else may
 * do what the templates say and nothing more; a name that they do not have may do nothing.
 */
const ADMINISTRATORS: Readonly<Record<string, string>> = {
  cli: 'the person at the command line, who in AWS is whoever deployed the stacks',
  'local-run': 'brings queues, tables and buckets to what the templates say, as CloudFormation does in AWS',
  test: 'a test that looks at what the components did, or does what an administrator would',
};

export function isAdministrator(principal: string): boolean {
  return Object.hasOwn(ADMINISTRATORS, principal);
}
