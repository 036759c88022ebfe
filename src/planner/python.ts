// Data for Python programs: the only door through which names, values and file names enter rendered code.

/** Letters, digits and ASCII punctuation stay readable; all else (quotes, controls, bidi marks, emoji) is escaped. */
const UNSAFE = /'|[^\p{L}\p{N}\p{M}\x20-\x7e\n]/gu;

/**
 * A Python raw string literal with `value` as JSON inside, for `json.loads`. No `'` can occur in it, so nothing
 * in the data can end the literal.
 */
export function pythonData(value: unknown): string {
  const text = JSON.stringify(value, null, 1).replace(UNSAFE, escapeUnits);
  return `r'''${text}'''`;
}

/** JSON's own escape, one for each UTF-16 unit. */
function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index).toString(16).padStart(4, "0");
    return `\\u${unit}`;
  }).join("");
}
