// Files without words, in a terminal: the four choices by number, or words after all.
import { createInterface } from "node:readline";
import { CHOICES } from "../shared/choices.ts";
import { printableLine } from "./printable.ts";

/** Whether somebody is there to be asked. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** What is wanted of these files; null when the question was left (end of input, Ctrl+C). */
export async function chooseWords(names: readonly string[], signal: AbortSignal): Promise<string | null> {
  // Not by keys but by lines, so that Ctrl+C stays the signal that it is everywhere else.
  const input = createInterface({ input: process.stdin, terminal: false });
  const leave = () => input.close();
  signal.addEventListener("abort", leave, { once: true });
  const lines = input[Symbol.asyncIterator]();
  const readLine = async (question: string): Promise<string | null> => {
    process.stderr.write(question);
    const { value, done } = await lines.next();
    return done === true ? null : value.trim();
  };
  const list = CHOICES.map(({ title }, at) => `  ${at + 1}  ${title}\n`).join("");
  process.stderr.write(`What shall I do with ${names.map(printableLine).join(", ")}?\n${list}`);
  try {
    for (let question = "A number, or your own words: "; ;) {
      const said = await readLine(question);
      const choice = said === null ? undefined : CHOICES[Number(/^[1-4]$/.exec(said)?.[0] ?? 0) - 1];
      if (choice?.words === null) question = "In your own words: ";
      else if (said !== "") return choice?.words ?? said;
    }
  } finally {
    signal.removeEventListener("abort", leave);
    input.close();
  }
}
