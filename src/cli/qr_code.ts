// A text as a QR code for a terminal.
import { encode } from "uqr";

/** Enough for a phone at a screen; what the standard asks for (4) would not fit many terminals. */
const QUIET_MODULES = 2;

/** Black on white by their numbers, as themes redefine the names of colours; and back to what was. */
const BLACK_ON_WHITE = "\u001b[38;5;16;48;5;231m";
const RESET = "\u001b[0m";

export type TerminalCode = { readonly columns: number; readonly text: string };

/** Two rows of modules are one line of half blocks. */
export function qrCode(text: string): TerminalCode {
  const { size, data } = encode(text, { ecc: "L", border: QUIET_MODULES });
  const isDark = (row: number, column: number): boolean => data[row]?.[column] === true;
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    const blocks = Array.from({ length: size }, (_none, column) =>
      blockOf(isDark(row, column), isDark(row + 1, column)),
    );
    lines.push(`${BLACK_ON_WHITE}${blocks.join("")}${RESET}`);
  }
  return { columns: size, text: lines.join("\n") };
}

function blockOf(isUpperDark: boolean, isLowerDark: boolean): string {
  if (isUpperDark) return isLowerDark ? "█" : "▀";
  return isLowerDark ? "▄" : " ";
}
