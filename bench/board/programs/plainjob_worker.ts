// plainjob's worker with its defaults, but a poll of 5 ms instead of 1,000. Arguments: home, count (0: tell each start).
import { defineWorker } from "plainjob";
import { JOB_TYPE } from "../engines/engine.ts";
import { openQueue, QUIET } from "../engines/plainjob.ts";
import { stamp } from "../workshop.ts";

const POLL_MS = 5;

const [home = "", count = "0"] = process.argv.slice(2);
let startedAt = 0;
let completed = 0;
const worker = defineWorker(
  JOB_TYPE,
  () => {
    if (count === "0") process.send?.({ type: "started", at: stamp() });
  },
  {
    queue: openQueue(home),
    // The library spells it so.
    pollIntervall: POLL_MS,
    logger: QUIET,
    onCompleted: () => {
      completed += 1;
      if (completed === Number(count))
        process.send?.({ type: "done", figures: { ms: [performance.now() - startedAt] } });
    },
  },
);
process.once("message", () => {
  startedAt = performance.now();
  void worker.start();
});
process.send?.({ type: "ready" });
