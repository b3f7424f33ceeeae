/**
 * Tables that fit the terminal. Pure. Columns are as wide as their widest cell; when that is too much, the widest flexible columns give way
 * first and their cells are cut with `…`. Where even that does not fit, lines are cut at the terminal's edge. A pipe gets all of it.
 */
import { cutText, padText, printableText, textWidth } from './text-width.ts';

export type Column = {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut when there is no room; names and texts may, figures may not. */
  readonly isFlexible?: boolean;
};

const GAP = '  ';
/** A flexible column keeps at least this much, or its own width when that is less. */
const FLEXIBLE_MIN = 8;

/**
 * @param rows one cell a column
 * @param columns of the terminal; Infinity when it is none
 * @param heading how the first line is shown, such as in bold
 */
export function formatTable(
  layout: readonly Column[],
  rows: readonly (readonly string[])[],
  columns: number,
  heading: (line: string) => string = (line) => line,
): string {
  const cells = rows.map((row) => layout.map((_, index) => printableText(row[index] ?? '')));
  const widths = fitWidths(
    layout.map(({ title }, index) => cells.reduce((most, row) => Math.max(most, textWidth(row[index] as string)), textWidth(title))),
    layout.map(({ isFlexible, title }) => (isFlexible === true ? Math.max(FLEXIBLE_MIN, textWidth(title)) : Number.POSITIVE_INFINITY)),
    columns - GAP.length * (layout.length - 1),
  );
  const line = (row: readonly string[]): string => {
    const parts = layout.map(({ align }, index) => {
      const width = widths[index] as number;
      return padText(cutText(row[index] as string, width), width, align);
    });
    return cutText(parts.join(GAP).trimEnd(), columns);
  };
  return [heading(line(layout.map(({ title }) => title))), ...cells.map(line)].join('\n');
}

/** Takes columns from the widest that may give, one by one, until all fit. `least` is Infinity for those that may not. */
export function fitWidths(wanted: readonly number[], least: readonly number[], room: number): number[] {
  const widths = [...wanted];
  let total = widths.reduce((sum, width) => sum + width, 0);
  while (total > room) {
    let widest = -1;
    for (let index = 0; index < widths.length; index++) {
      const width = widths[index] as number;
      if (width > (least[index] as number) && (widest < 0 || width > (widths[widest] as number))) widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] as number) - 1;
    total--;
  }
  return widths;
}
