// What the way out of a room costs: the same client beside the server and in a room, through the proxy.
import { join } from "node:path";
import { z } from "zod";
import { BUN, freePort } from "../board/workshop.ts";
import { median } from "../report.ts";
import type { Measurements } from "../sections.ts";
import { run, Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";

const CONNECTIONS = 200;
const TIMEOUT_MS = 120_000;
const Figures = z.object({ requests: z.array(z.number()).min(1), mbPerS: z.number(), failed: z.number() });
type Figures = z.infer<typeof Figures>;

export async function proxy(sizes: Sizes): Promise<Measurements> {
  const port = freePort();
  const programs = join(import.meta.dir, "programs");
  const argv = [...BUN, join(programs, "networked.ts"), String(port)];
  await using server = await Server.start({ argv, env: {} });
  const sandbox = await server.create({ allowInternetAccess: true });
  if ((await run(sandbox, `import os\nprint("HTTP_PROXY" in os.environ)`)).trim() !== "True")
    throw new Error("The network of a sandbox cannot be opened here.");
  const file = join(programs, "client.py");
  const args = [sizes.requests, sizes.megabytes, CONNECTIONS].map(String);
  await sandbox.files.write("client.py", await Bun.file(file).text());
  const command = `python3 client.py ${args.join(" ")}`;
  const inside = toFigures((await sandbox.commands.run(command, { timeoutMs: TIMEOUT_MS })).stdout);
  const outside = await direct([file, ...args], port);
  await sandbox.kill();
  const [through, straight] = [median(inside.requests), median(outside.requests)];
  return {
    proxy_added_p50_ms: { value: through - straight, peers: { through, direct: straight } },
    proxy_mb_per_s: { value: inside.mbPerS, peers: { direct: outside.mbPerS } },
    proxy_200_connections_failed: { value: inside.failed, peers: { direct: outside.failed } },
  };
}

/** What stands for the world outside takes a request to a proxy as one of its own. */
async function direct(args: readonly string[], port: number): Promise<Figures> {
  const env = { PATH: process.env["PATH"] ?? "", HTTP_PROXY: `http://127.0.0.1:${port}` };
  const child = Bun.spawn(["python3", ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  return toFigures(await new Response(child.stdout).text());
}

function toFigures(text: string): Figures {
  return Figures.parse(JSON.parse(text));
}
