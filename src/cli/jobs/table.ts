// Text in columns, as wide as it is shown: wide characters count twice, combining ones not at all.

export type Column = {
  readonly title: string;
  readonly cells: readonly string[];
  readonly align?: "right";
  /** Gets what the others leave, and is cut there. */
  readonly isFlexible?: true;
  readonly paint?: (cell: string, row: number) => string;
};

const GAP = "  ";
/** Less than this of a text says nothing. */
const NARROWEST = 10;

/** One line for the titles and one a row; no line is wider than `width`, unless the columns that are never cut are. */
export function tableLines(columns: readonly Column[], width: number, paintTitle: (title: string) => string): string[] {
  const widths = columns.map((column) =>
    Math.max(...[column.title, ...column.cells].map((cell) => Bun.stringWidth(cell))),
  );
  const fixed = widths.reduce(
    (sum, one, at) => sum + (columns[at]?.isFlexible ? 0 : one),
    GAP.length * (columns.length - 1),
  );
  const rest = Math.max(NARROWEST, width - fixed);
  const shown = widths.map((one, at) => (columns[at]?.isFlexible ? Math.min(one, rest) : one));
  const line = (cellOf: (column: Column) => string, paint: (column: Column, cell: string) => string): string =>
    columns
      .map((column, at) => {
        const cell = cutTo(cellOf(column), shown[at] ?? 0);
        const space = " ".repeat(Math.max(0, (shown[at] ?? 0) - Bun.stringWidth(cell)));
        const isLast = at === columns.length - 1;
        return column.align === "right" ? space + paint(column, cell) : paint(column, cell) + (isLast ? "" : space);
      })
      .join(GAP);
  const count = columns[0]?.cells.length ?? 0;
  return [
    line(
      (column) => column.title,
      (_column, title) => paintTitle(title),
    ),
    ...Array.from({ length: count }, (_, row) =>
      line(
        (column) => column.cells[row] ?? "",
        (column, cell) => column.paint?.(cell, row) ?? cell,
      ),
    ),
  ];
}

/** At most so many columns, with an ellipsis where something is missing. */
export function cutTo(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += Bun.stringWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** Broken between words where a line would be wider; each line begins with `indent`. */
export function wrapped(text: string, width: number, indent: string): string {
  const room = Math.max(NARROWEST, width - indent.length);
  return text
    .split("\n")
    .flatMap((line) => wrapLine(line, room))
    .map((line) => (line === "" ? "" : indent + line))
    .join("\n");
}

function wrapLine(line: string, room: number): string[] {
  if (Bun.stringWidth(line) <= room) return [line];
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current !== "" && Bun.stringWidth(`${current} ${word}`) > room) {
      lines.push(current);
      current = word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
