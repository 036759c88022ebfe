// What a terminal shows while a job is done: its steps, and words and code as they are written.
import { isatty } from "node:tty";
import type { JobEvent } from "../shared/types.ts";
import { printable, printableLine } from "./printable.ts";

export type Progress = {
  readonly tell: (event: JobEvent) => void;
  /** Ends the line; the words that were shown since anything else was. */
  readonly end: () => string;
};

/** Pieces are shown only where a person looks on. */
export function createProgress(isQuiet: boolean): Progress {
  const isSeen = !isQuiet && isatty(process.stdout.fd);
  let said = "";
  /** Whether something stands in the line that is not ended. */
  let isOpen = false;

  const write = (stream: NodeJS.WriteStream, text: string): void => {
    stream.write(printable(text));
    isOpen = !text.endsWith("\n");
  };
  const endLine = (): void => {
    if (isOpen) process.stderr.write("\n");
    isOpen = false;
  };

  const tell = (event: JobEvent): void => {
    if (event.kind === "text-delta" && isSeen) {
      if (event.part === "code" && said !== "") endLine();
      write(event.part === "code" ? process.stderr : process.stdout, event.text);
      said = event.part === "code" ? "" : said + event.text;
      return;
    }
    const line = isQuiet ? "" : lineOf(event);
    if (line === "") return;
    endLine();
    said = "";
    process.stderr.write(line);
  };

  return {
    tell,
    end: () => {
      endLine();
      return said.trim();
    },
  };
}

/** Empty for what is told by that which follows from it. */
function lineOf(event: JobEvent): string {
  if (event.kind === "step-finished") return `  ✓ ${printableLine(event.title)} (${event.durationMs} ms)\n`;
  if (event.kind === "code-written") return `  ${printableLine(event.understood)}\n`;
  if (event.kind === "model-chosen" && event.reason !== undefined)
    return `  ${printableLine(event.reason)} Now: ${printableLine(event.model)}\n`;
  if (event.kind === "budget-warned")
    return `  $${event.spentUsd.toFixed(4)} of $${event.limitUsd.toFixed(2)} a ${event.scope} are spent or set aside\n`;
  if (event.kind === "hosts-contacted") return `  Contacted: ${printableLine(event.hosts.join(", "))}\n`;
  return "";
}
