import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface LivePage {
  readonly html: string;
  /** Lets exactly this style, this script and requests to this server run, and nothing else. */
  readonly contentSecurityPolicy: string;
}

/** Joins the page's three files into one that needs nothing else: no network, no second request but `/status.json`. */
export async function loadLivePage(): Promise<LivePage> {
  const [frame, style, script] = await Promise.all(
    ['page.html', 'page.css', 'page.js'].map((name) =>
      readFile(new URL(`./page/${name}`, import.meta.url), 'utf8'),
    ),
  );
  if (frame === undefined || style === undefined || script === undefined) throw new Error('unreachable');
  const html = frame
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- script -->', () => `<script>${script}</script>`);
  return {
    html,
    contentSecurityPolicy: [
      "default-src 'none'",
      `style-src '${hashOf(style)}'`,
      `script-src '${hashOf(script)}'`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}
