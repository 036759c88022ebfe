// Looking at the sandbox's files without running anything. Only the sandbox's: there are no others for a model.
import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";
import { SANDBOX_HOME } from "../../artifacts.ts";
import { ends } from "../../workbench.ts";
import { defineTool, failure, output } from "./tool.ts";

const MAX_LISTED = 200;
const MAX_READ = 64 * 1024;
const MAX_SHOWN = 8_000;

export const listFiles = defineTool({
  name: "list_files",
  description: "List the files below /home/user.",
  input: z.object({}),
  run: async (_input, { bench }) => {
    const sandbox = await bench.sandbox();
    const files = await sandbox.list(SANDBOX_HOME, 4);
    const lines = files.slice(0, MAX_LISTED).map(({ path, bytes }) => `${JSON.stringify(path)} ${bytes} bytes`);
    const more = files.length > MAX_LISTED ? [`… and ${files.length - MAX_LISTED} more`] : [];
    return output([...lines, ...more].join("\n") || "(no files)");
  },
});

export const readFile = defineTool({
  name: "read_file",
  description: "Read the beginning of a text file of the sandbox.",
  input: z.object({ path: z.string().max(1_000) }),
  run: async ({ path }, { bench }) => {
    const sandbox = await bench.sandbox();
    try {
      const bytes = await beginningOf(await sandbox.download(path), MAX_READ);
      if (bytes.includes(0)) return failure("This is not a text file. Use run_python to look at it.");
      return output(ends(new TextDecoder().decode(bytes), MAX_SHOWN));
    } catch (error) {
      // Of what is not there the sandbox says so; one that is gone says it again at the next call.
      if (!(error instanceof AppError) || error.code !== "sandbox") throw error;
      return failure("This file cannot be read. list_files shows what is there.");
    }
  },
});

async function beginningOf(stream: ReadableStream<Uint8Array>, max: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size >= max) break;
  }
  return Buffer.concat(pieces).subarray(0, max);
}
