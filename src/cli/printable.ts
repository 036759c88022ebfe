// Text from elsewhere on a terminal: a name, an output or an answer must not steer it.

/** Control characters and bidirectional overrides become visible; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u202A-\u202E\u2066-\u2069]/gu, escapeOf);
}

/** The same for something that must stay on one line. */
export function printableLine(text: string): string {
  return printable(text.replaceAll("\n", "\\n"));
}

const ESCAPE = "\u001b";

/**
 * An answer as a terminal shows it: headings, lists and tables are drawn. Bun lets no escape character of the text through,
 * so what is left of them is our colours.
 */
export function rendered(markdown: string, isColoured: boolean, columns: number): string {
  const drawn = Bun.markdown.ansi(markdown, { colors: isColoured, columns });
  return drawn.split(ESCAPE).map(printable).join(ESCAPE).trimEnd();
}

function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
}
