import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/**
 * Colours a text for standard output: only on a terminal, and not where NO_COLOR asks for none.
 * https://no-color.org; FORCE_COLOR wins over both (https://nodejs.org/api/tty.html#writestreamgetcolordepthenv)
 */
export function paint(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout, validateStream: true });
}
