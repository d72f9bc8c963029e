/**
 * IB account numbers identify a person: logs, pages and error texts show only the ends.
 * @returns for example `DU***67`
 */
export function maskAccount(account: string): string {
  if (account.length <= 4) return '***';
  return `${account.slice(0, 2)}***${account.slice(-2)}`;
}
