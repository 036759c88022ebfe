// stdout and stderr of a job: told as they come, kept up to a limit, and never more than that in memory.
import type { Report } from "./report.ts";

export type Console = {
  readonly write: (stream: "stdout" | "stderr", text: string) => void;
  /** What was kept of stdout, with a note where the rest was dropped. */
  readonly stdout: () => string;
};

/** `report` null: kept but not told. `maxBytes` counts both streams together. */
export function createConsole(report: Report | null, maxBytes: number): Console {
  const kept: string[] = [];
  let bytes = 0;
  let dropped = 0;
  const write: Console["write"] = (stream, text) => {
    // A smaller piece that would still fit is dropped too: what is kept has no holes.
    const room = dropped > 0 ? 0 : maxBytes - bytes;
    const size = Buffer.byteLength(text);
    const part =
      size <= room
        ? text
        : Buffer.from(text)
            .subarray(0, Math.max(0, room))
            .toString("utf8")
            .replace(/\uFFFD+$/, "");
    const partBytes = Buffer.byteLength(part);
    bytes += partBytes;
    dropped += size - partBytes;
    if (part === "") return;
    if (stream === "stdout") kept.push(part);
    report?.emit({ kind: "output-delta", stream, text: part });
  };
  const stdout = () =>
    kept.join("") + (dropped === 0 ? "" : `\n[output truncated: ${dropped.toLocaleString("en")} bytes more]\n`);
  return { write, stdout };
}
