// `ask` as a person types it, at a core without a worker: what needs none, and what it does when no answer will come.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { listConversations, messagesOf } from "../../src/shared/conversations.ts";
import { startCore, type Core } from "../core/server.ts";
import { until } from "../e2e/until.ts";
import { MAIN, sandpiper } from "./command.ts";

const PATIENCE_MS = 10_000;
const Answer = z.object({ text: z.string(), conversation_id: z.string(), status: z.string() });

/** A core that `ask` finds. */
async function findableCore(): Promise<Core> {
  const core = await startCore();
  writeFileSync(join(core.home, "data/server.json"), JSON.stringify({ port: core.port, pid: process.pid }));
  return core;
}

const conversationsIn = (core: Core) => core.board.read((tx) => listConversations(tx, 10));
const messagesIn = (core: Core) =>
  conversationsIn(core).flatMap(({ id }) => core.board.read((tx) => messagesOf(tx, id)));
async function answerOf(core: Core, ...args: string[]) {
  const { code, out, err } = await sandpiper(core.home, "ask", "--json", ...args);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return Answer.parse(JSON.parse(out));
}

test("a question whose conversation is deleted ends with a sentence", async () => {
  await using core = await findableCore();
  const asking = sandpiper(core.home, "ask", "What is in this file?");
  await until(() => conversationsIn(core).length === 1, PATIENCE_MS);
  await core.call(`/api/conversations/${conversationsIn(core)[0]?.id ?? ""}`, { method: "DELETE" });
  expect(await asking).toEqual({ code: 1, out: "", err: "The job was deleted, so no answer will come.\n" });
}, 20_000);

test("a command is answered although nobody works, and --continue goes on where the last question was asked", async () => {
  await using core = await findableCore();
  const early = await sandpiper(core.home, "ask", "-c", "/status");
  expect(early).toEqual({
    code: 2,
    out: "",
    err: "There is nothing to go on with yet: ask once without --continue.\n",
  });
  const asking = sandpiper(core.home, "ask", "Count the rows");
  await until(() => conversationsIn(core).length === 1, PATIENCE_MS);
  const [talk] = conversationsIn(core);
  await until(() => Bun.file(join(core.home, "data/last_talk")).size > 0, PATIENCE_MS);
  expect(await answerOf(core, "--continue", "/status")).toEqual({
    text: "0 running, 1 waiting.\n- waiting: Count the rows",
    conversation_id: talk?.id ?? "",
    status: "completed",
  });
  expect((await sandpiper(core.home, "ask", "-c", "/stop")).out).toBe("Stopped. Nothing further will be charged.\n");
  expect(await asking).toEqual({ code: 1, out: "", err: "You stopped this before it began.\n" });
  const fresh = await answerOf(core, "-c", "/new");
  expect(fresh.conversation_id).not.toBe(talk?.id ?? "");
  expect((await answerOf(core, "-c", "/files")).conversation_id).toBe(fresh.conversation_id);
  // Without it, as ever, in a new one.
  expect((await answerOf(core, "/whoami")).conversation_id).not.toBe(fresh.conversation_id);
}, 40_000);

test("words that are all names of files are files, and without a terminal nobody is asked", async () => {
  await using core = await findableCore();
  writeFileSync(join(core.home, "sales.csv"), "a,b\n1,2\n");
  writeFileSync(join(core.home, "more.csv"), "c\n3\n");
  const asking = sandpiper(core.home, "ask", "sales.csv", "more.csv");
  await until(() => messagesIn(core).length === 1, PATIENCE_MS);
  await until(() => Bun.file(join(core.home, "data/last_talk")).size > 0, PATIENCE_MS);
  const [message] = messagesIn(core);
  expect(message?.text).toBe("");
  expect(message?.files.map((file) => file.name)).toEqual(["sales.csv", "more.csv"]);
  await sandpiper(core.home, "ask", "-c", "/stop");
  expect((await asking).code).toBe(1);
  const missing = await sandpiper(core.home, "ask", "Graph this", "gone.csv");
  expect(missing).toMatchObject({ code: 2, err: `There is no file ${join(core.home, "gone.csv")}.\n` });
}, 40_000);

/** In a terminal of its own. `type` is typed as soon as `after` is seen. */
async function inTerminal(home: string, file: string, ...typing: { after: string; type: string }[]) {
  let seen = "";
  const rest = [...typing];
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, "ask", file], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home, SANDPIPER_HOME: home, INIT_CWD: home },
    terminal: {
      data: (terminal, bytes) => {
        seen += new TextDecoder().decode(bytes);
        if (rest[0] === undefined || !seen.includes(rest[0].after)) return;
        terminal.write(rest.shift()?.type ?? "");
      },
    },
  });
  return { child, seen: () => seen };
}

test.each([
  ["by number", [{ after: "own words:", type: "2\n" }], "Graph this"],
  [
    "something else, in own words",
    [
      { after: "own words:", type: "\n4\n" },
      { after: "In your own words:", type: "Count the rows\n" },
    ],
    "Count the rows",
  ],
  ["in own words at once", [{ after: "own words:", type: "Count the columns\n" }], "Count the columns"],
])(
  "in a terminal a file without words is asked about: %s",
  async (_name, typing, expected) => {
    await using core = await findableCore();
    writeFileSync(join(core.home, "sales.csv"), "a,b\n1,2\n");
    const { child, seen } = await inTerminal(core.home, "sales.csv", ...typing);
    await until(() => messagesIn(core).length === 1, PATIENCE_MS);
    expect(messagesIn(core)[0]).toMatchObject({ text: expected, files: [{ name: "sales.csv" }] });
    for (const line of ["What shall I do with sales.csv?", "1  Summarise", "4  Something else"])
      expect(seen()).toContain(line);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
  },
  20_000,
);

test("who leaves the question has asked nothing", async () => {
  await using core = await findableCore();
  writeFileSync(join(core.home, "sales.csv"), "a,b\n1,2\n");
  // Ctrl+C
  const { child, seen } = await inTerminal(core.home, "sales.csv", { after: "own words:", type: "\u0003" });
  expect(await child.exited).toBe(130);
  expect(seen()).toContain("Nothing was asked.");
  expect(messagesIn(core)).toEqual([]);
}, 20_000);
