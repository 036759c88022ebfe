// `ask` as a person types it, at a core without a worker: what it does when no answer will come.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { listConversations } from "../../src/shared/conversations.ts";
import { startCore } from "../core/server.ts";
import { until } from "../e2e/until.ts";
import { sandpiper } from "./command.ts";

test("a question whose conversation is deleted ends with a sentence", async () => {
  await using core = await startCore();
  writeFileSync(join(core.home, "data/server.json"), JSON.stringify({ port: core.port, pid: process.pid }));
  const asking = sandpiper(core.home, "ask", "What is in this file?");
  const conversations = () => core.board.read((tx) => listConversations(tx, 10));
  await until(() => conversations().length === 1, 10_000);
  await core.call(`/api/conversations/${conversations()[0]?.id ?? ""}`, { method: "DELETE" });
  expect(await asking).toEqual({ code: 1, out: "", err: "The job was deleted, so no answer will come.\n" });
}, 20_000);
