// From a worker that tells something about its job to the frame in a browser's WebSocket, through a real core.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openBoard } from "../../src/shared/db.ts";
import { percentile } from "../report.ts";
import { openOurs } from "./engines/ours.ts";
import type { Measurements } from "../sections.ts";
import type { Sizes } from "./sizes.ts";
import { boardFile, stamp, type Workshop } from "./workshop.ts";

/** As many jobs as tell something at the same time. */
const JOBS = 16;

const Frame = z.object({
  type: z.string(),
  event: z.object({ kind: z.string(), text: z.string().exactOptional() }).exactOptional(),
});

/** `at`: when the worker was about to tell it; `seenAt`: when the frame was here. */
type Seen = { readonly at: number; readonly seenAt: number };

export async function events(workshop: Workshop, sizes: Sizes): Promise<Measurements> {
  const steady = await follow(workshop, "steady", 1, (_seen, elapsedMs) => elapsedMs > sizes.steadyMs);
  const flood = await follow(workshop, "flood", JOBS, (seen) => seen.length >= sizes.floodEvents, sizes.floodEvents);
  const waits = steady.map((one) => one.seenAt - one.at);
  const seconds = (Math.max(...ends(flood, "seenAt")) - Math.min(...ends(flood, "at"))) / 1_000;
  return {
    event_to_socket_p99_ms: {
      value: percentile(waits, 99),
      peers: { p50: percentile(waits, 50), events: waits.length, per_s: waits.length / (sizes.steadyMs / 1_000) },
    },
    events_per_s: { value: flood.length / seconds, peers: { events: flood.length, jobs: JOBS } },
  };
}

/** Times rise within a job and nearly so over all: the ends are enough. */
const ends = (seen: readonly Seen[], key: keyof Seen): number[] =>
  [...seen.slice(0, 1_000), ...seen.slice(-1_000)].map((one) => one[key]);

/** A worker with that behaviour, and one browser's worth of frames until `isEnough`. */
async function follow(
  workshop: Workshop,
  behaviour: "steady" | "flood",
  jobs: number,
  isEnough: (seen: readonly Seen[], elapsedMs: number) => boolean,
  count = 0,
): Promise<Seen[]> {
  const home = workshop.home();
  openBoard(boardFile(home)).close();
  const core = await workshop.core(home);
  const seen: Seen[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const socket = await listen(core.port, join(home, "data/token"), (text) => {
    seen.push({ at: Number(text), seenAt: stamp() });
    const [first] = seen;
    if (first !== undefined && isEnough(seen, stamp() - first.seenAt)) resolve();
  });
  const queue = openOurs(home);
  await queue.addMany(jobs);
  await queue.close();
  await using worker = workshop.bun("worker", [home, behaviour, jobs, count], ["--smol"]);
  await worker.next("ready");
  worker.tell("go");
  await enough;
  await worker.kill();
  socket.close();
  await core.program.kill();
  return seen;
}

async function listen(port: number, tokenFile: string, onDelta: (text: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`);
  const { promise: greeted, resolve, reject } = Promise.withResolvers<void>();
  socket.addEventListener("open", () =>
    socket.send(JSON.stringify({ type: "auth", key: readFileSync(tokenFile, "utf8").trim(), after: 0 })),
  );
  socket.addEventListener("message", ({ data }) => {
    const { type, event } = Frame.parse(JSON.parse(String(data)));
    if (type === "hello") resolve();
    if (event?.kind === "output-delta" && event.text !== undefined) onDelta(event.text);
  });
  socket.addEventListener("close", ({ reason }) => reject(new Error(`core closed the socket: ${reason}`)));
  await greeted;
  return socket;
}
