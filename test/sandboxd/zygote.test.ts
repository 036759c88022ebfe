import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { startServer, until } from "./harness.ts";

/** sandboxd has one at most; the joiners are its children. */
function zygoteOf(server: number): number | undefined {
  const pids = readdirSync(`/proc/${server}/task`).flatMap((thread) =>
    readFileSync(`/proc/${server}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sandpiper.zygote"));
}

describe("the zygote", () => {
  test("that dies while rooms are being made is replaced, and no sandbox is missing", async () => {
    await using server = await startServer({ SANDPIPER_ROOMS: "" });
    for (let death = 0; death < 2; death += 1) {
      await until(async () => zygoteOf(server.pid) !== undefined, 5_000);
      await (await server.create()).kill();
      const zygote = zygoteOf(server.pid) ?? 0;
      const wanted = Array.from({ length: 8 }, async () => await server.create());
      process.kill(zygote, "SIGKILL");
      const sandboxes = await Promise.all(wanted);
      const answers = await Promise.all(sandboxes.map(async (one) => (await one.runCode("6 * 7")).text));
      expect(answers).toEqual(Array.from({ length: 8 }, () => "42"));
      await Promise.all(sandboxes.map(async (one) => await one.kill()));
    }
    await until(async () => zygoteOf(server.pid) !== undefined, 5_000);
  }, 60_000);
});
