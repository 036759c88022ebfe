// Which Sandpiper this is.
import { join } from "node:path";
import { z } from "zod";

export async function productVersion(root: string): Promise<string> {
  return z.object({ version: z.string() }).parse(await Bun.file(join(root, "package.json")).json()).version;
}
