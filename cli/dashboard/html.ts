import { maskAccount } from '../../shared/account.ts';

/** IB account numbers as they may occur in names of a trader's own, and the twelve digits of an AWS account. */
const ACCOUNTS = /\b(?:(?:DU|DF|[UFI])\d{5,9}|\d{12})\b/g;

/** For text and for attributes in quotes; account numbers masked. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(ACCOUNTS, maskAccount)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
