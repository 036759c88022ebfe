// bunqueue's worker: long poll and batches as its documentation recommends for throughput. Arguments: port, count (0: tell
// each start).
import { Worker } from "bunqueue/client";
import { QUEUE_NAME } from "../engines/bunqueue.ts";
import { stamp } from "../workshop.ts";

const [port = "", count = "0"] = process.argv.slice(2);
let startedAt = 0;
let completed = 0;
const worker = new Worker(
  QUEUE_NAME,
  async () => {
    if (count === "0") process.send?.({ type: "started", at: stamp() });
    return {};
  },
  {
    connection: { host: "127.0.0.1", port: Number(port) },
    concurrency: 16,
    pollTimeout: 1_000,
    batchSize: 100,
    autorun: false,
  },
);
// Told when the server has acknowledged the acknowledgement.
worker.on("completed", () => {
  completed += 1;
  if (completed === Number(count)) process.send?.({ type: "done", figures: { ms: [performance.now() - startedAt] } });
});
process.once("message", () => {
  startedAt = performance.now();
  worker.run();
});
await worker.waitUntilReady();
process.send?.({ type: "ready" });
