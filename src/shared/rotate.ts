// Log lines on disk: one file a process, renamed when it is full, the oldest dropped.
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "./errors.ts";

export type RotatedFile = { readonly append: (line: string) => void };

/** Never throws over the disk. At most `keep` + 1 files of about `maxBytes`: `file`, `file.1` (newer) … `file.<keep>` (oldest). */
export function rotatedFile(file: string, maxBytes = 5 * 2 ** 20, keep = 3): RotatedFile {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let bytes = existsSync(file) ? statSync(file).size : 0;
  const rotate = () => {
    rmSync(`${file}.${keep}`, { force: true });
    for (let index = keep - 1; index >= 1; index -= 1) {
      if (existsSync(`${file}.${index}`)) renameSync(`${file}.${index}`, `${file}.${index + 1}`);
    }
    if (existsSync(file)) renameSync(file, `${file}.1`);
    bytes = 0;
  };
  return {
    append: (line) => {
      const size = Buffer.byteLength(line) + 1;
      try {
        if (bytes > 0 && bytes + size > maxBytes) rotate();
        appendFileSync(file, `${line}\n`, { mode: 0o600 });
        bytes += size;
      } catch (error) {
        // A full disk must not take the programs down with their log. The line is the only thing that is lost.
        if (systemCode(error) === "") throw error;
      }
    },
  };
}
