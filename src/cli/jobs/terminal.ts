// What the person's terminal can do: how wide it is, and whether it takes colours.

export type Style = "good" | "bad" | "busy" | "quiet" | "strong";

export type Terminal = {
  /** Columns; without a terminal nothing is cut. */
  readonly width: number;
  readonly isTerminal: boolean;
  /** The text in this style, or as it is. */
  readonly style: (style: Style, text: string) => string;
};

type Stream = { readonly isTTY?: boolean; readonly columns?: number };

/** Select Graphic Rendition, ECMA-48 8.3.117. */
const CODES: { readonly [style in Style]: string } = { good: "32", bad: "31", busy: "36", quiet: "2", strong: "1" };

/** NO_COLOR (no-color.org), TERM=dumb and COLUMNS have their say. */
export function openTerminal(environment: { readonly [name: string]: string | undefined }, stream: Stream): Terminal {
  const isTerminal = stream.isTTY === true;
  const isColoured = isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  const wanted = /^\d{1,5}$/.test(environment["COLUMNS"] ?? "") ? Number(environment["COLUMNS"]) : 0;
  const own = isTerminal && stream.columns !== undefined && stream.columns > 0 ? stream.columns : null;
  return {
    width: wanted > 0 ? wanted : (own ?? (isTerminal ? 80 : Number.POSITIVE_INFINITY)),
    isTerminal,
    style: (style, text) => (isColoured && text !== "" ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text),
  };
}
