// The code that a model is writing, out of a tool's input that comes in pieces: JSON that is cut anywhere.

const START = /"(?:code|command)"\s*:\s*"/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/** Returns what each piece adds to the code. */
export function createCodeStream(): (piece: string) => string {
  let waiting = "";
  let state: "before" | "inside" | "behind" = "before";
  return (piece) => {
    waiting += piece;
    if (state === "before") {
      const match = START.exec(waiting);
      if (match === null) return "";
      waiting = waiting.slice(match.index + match[0].length);
      state = "inside";
    }
    if (state === "behind") return "";
    let code = "";
    let at = 0;
    while (at < waiting.length) {
      const char = waiting[at] ?? "";
      if (char === '"') {
        state = "behind";
        break;
      }
      if (char !== "\\") {
        code += char;
        at += 1;
        continue;
      }
      const length = waiting[at + 1] === "u" ? 6 : 2;
      // The rest of it comes with the next piece.
      if (at + length > waiting.length) break;
      const mark = waiting[at + 1] ?? "";
      code +=
        mark === "u"
          ? String.fromCharCode(Number.parseInt(waiting.slice(at + 2, at + 6), 16))
          : (ESCAPES[mark] ?? mark);
      at += length;
    }
    waiting = waiting.slice(at);
    return code;
  };
}
