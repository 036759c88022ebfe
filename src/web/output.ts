// What a program printed, bounded: the newest part is kept, so that an endless loop cannot fill the browser.

export type OutputPiece = { readonly id: number; readonly stream: "stdout" | "stderr"; readonly text: string };

export type Output = {
  readonly pieces: readonly OutputPiece[];
  readonly droppedChars: number;
};

export const MAX_OUTPUT_CHARS = 120_000;
/** Pieces grow to this size before a new one is begun: one text node each, redrawn only while it grows. */
const PIECE_CHARS = 4_000;

export const emptyOutput: Output = { pieces: [], droppedChars: 0 };

export function outputOf(stdout: string): Output {
  return stdout === "" ? emptyOutput : appendOutput(emptyOutput, "stdout", stdout);
}

export function appendOutput(output: Output, stream: OutputPiece["stream"], text: string): Output {
  const last = output.pieces.at(-1);
  const pieces = [...output.pieces];
  if (last !== undefined && last.stream === stream && last.text.length < PIECE_CHARS) {
    pieces[pieces.length - 1] = { ...last, text: last.text + text };
  } else {
    pieces.push({ id: (last?.id ?? 0) + 1, stream, text });
  }
  return bounded(pieces, output.droppedChars);
}

function bounded(pieces: OutputPiece[], droppedChars: number): Output {
  let excess = pieces.reduce((sum, piece) => sum + piece.text.length, 0) - MAX_OUTPUT_CHARS;
  if (excess <= 0) return { pieces, droppedChars };
  let dropped = droppedChars;
  while (excess > 0) {
    const first = pieces[0];
    if (first === undefined) break;
    const cut = Math.min(excess, first.text.length);
    if (cut === first.text.length) pieces.shift();
    else pieces[0] = { ...first, text: first.text.slice(cut) };
    excess -= cut;
    dropped += cut;
  }
  return { pieces, droppedChars: dropped };
}

// eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
const ESCAPE_SEQUENCE = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\^_])/g;

/** As a terminal would leave it, without colours: escape sequences go, and a line rewritten by \r keeps its last state. */
export function printable(text: string): string {
  return text
    .replace(ESCAPE_SEQUENCE, "")
    .replaceAll("\r\n", "\n")
    .replace(/[^\n]*\r(?=[^\n])/g, "");
}
