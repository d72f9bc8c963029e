import { escapeHtml } from './html.ts';

/** Of Markdown what the text widgets of a dashboard of ours use: headings, paragraphs, bold, code, links. */
export function markdownToHtml(markdown: string): string {
  return markdown
    .split(/\n{2,}/)
    .map((block) => {
      const heading = /^(#{1,4}) (.+)$/.exec(block);
      if (heading) return `<h3>${inline(heading[2] ?? '')}</h3>`;
      return `<p>${inline(block)}</p>`;
    })
    .join('\n');
}

function inline(text: string): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replaceAll(/\[([^\]]+)\]\((https:\/\/[^)\s]+)\)/g, '<a href="$2">$1</a>');
}
