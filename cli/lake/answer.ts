import { table } from '../output/table.ts';
import { type Answer, type Cell, cellText } from './cells.ts';

/** An answer as a person, a program and a spreadsheet read it. */

export function answerAsTable(answer: Answer): string {
  const rows = answer.rows.length === 1 ? '1 row' : `${answer.rows.length} rows`;
  const columns = answer.columns.map((head, index) => ({
    head,
    cell: (row: readonly Cell[]) => cellText(row[index] ?? null),
    align: isNumeric(answer, index) ? ('right' as const) : ('left' as const),
  }));
  return `${table(answer.rows, columns)}\n${rows}`;
}

/** @returns one object a row; of columns with one name the last would win, so later ones are numbered */
export function answerAsJson(answer: Answer): Record<string, Cell>[] {
  const seen = new Map<string, number>();
  const names = answer.columns.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
  return answer.rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])));
}

/** https://www.rfc-editor.org/rfc/rfc4180, with line feeds */
export function answerAsCsv(answer: Answer): string {
  const lines = [answer.columns, ...answer.rows.map((row) => row.map(cellText))];
  return lines.map((fields) => fields.map(csvField).join(',')).join('\n');
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function isNumeric(answer: Answer, index: number): boolean {
  const cells = answer.rows.map((row) => row[index]).filter((cell) => cell !== null && cell !== undefined);
  return cells.length > 0 && cells.every((cell) => /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(cellText(cell)));
}
