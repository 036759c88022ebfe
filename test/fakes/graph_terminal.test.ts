// The phone in a terminal: lines go out as messages, what arrives is printed and kept.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FakeGraph } from "../../fakes/graph/server.ts";
import { openTerminal } from "../../fakes/graph/terminal.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { png, say, send, uploaded } from "./graph_client.ts";

const NUMBER = "15550000001";
const ROOT = resolve(import.meta.dir, "../..");

function openPhone(folder: string) {
  const graph = new FakeGraph();
  const person = graph.person({ waId: NUMBER });
  let text = "";
  const terminal = openTerminal({ graph, person, folder, write: (more) => (text += more) });
  const close = async () => {
    terminal[Symbol.dispose]();
    await graph[Symbol.asyncDispose]();
  };
  return { graph, person, terminal, printed: () => text, [Symbol.asyncDispose]: close };
}

test("a line is a message, a file goes with its caption, a button is pressed by its number", async () => {
  using folder = temporaryFolder();
  await using phone = openPhone(folder.path);
  const { graph, person, terminal, printed } = phone;
  await Bun.write(join(folder.path, "sales figures.csv"), "a,b\n1,2\n");
  await terminal.enter("/status");
  await terminal.enter(`/file "${folder.path}/sales figures.csv" Graph this CSV`);
  await terminal.enter("/press 1");
  const buttons = [{ type: "reply", reply: { id: "yes", title: "Yes" } }];
  const interactive = { type: "button", body: { text: "Well?" }, action: { buttons } };
  await send(graph, { to: NUMBER, type: "interactive", interactive });
  await terminal.enter("/press 1");
  await terminal.enter("/react 👍");
  await terminal.enter("/file nowhere.csv");
  expect(person.chat.messages.filter(({ from }) => from === "person")).toMatchObject([
    { kind: "text", text: "/status" },
    { kind: "document", text: "Graph this CSV", file: { name: "sales figures.csv", mediaType: "text/csv" } },
    { kind: "interactive", text: "Yes" },
  ]);
  expect(graph.view(person).reactions).toMatchObject([{ emoji: "👍" }]);
  expect(printed()).toContain("There is no such button.");
  expect(printed()).toContain("Well?\n  [1 Yes]");
  expect(printed()).toContain("There is no file");
});

test("what arrives is printed once, and files are kept under safe names", async () => {
  using folder = temporaryFolder();
  await using phone = openPhone(folder.path);
  const { graph, terminal, printed } = phone;
  await terminal.enter("Hello");
  await say(graph, NUMBER, "Good morning");
  const document = { id: await uploaded(graph, "a,b\n", "text/plain"), filename: "../../x.csv", caption: "Rows" };
  await send(graph, { to: NUMBER, type: "document", document });
  await send(graph, { to: NUMBER, type: "image", image: { id: await uploaded(graph, png(), "image/png") } });
  await terminal.saved();
  expect(printed().match(/Good morning/g)).toHaveLength(1);
  const names = readdirSync(folder.path).toSorted();
  expect(names).toHaveLength(2);
  const [table] = names.filter((name) => name.endsWith(".csv"));
  expect(table).toMatch(/^\w{6}_\.\._\.\._x\.csv$/);
  expect(readFileSync(join(folder.path, table ?? ""), "utf8")).toBe("a,b\n");
  expect(names.some((name) => name.endsWith("_image.png"))).toBe(true);
});

test("the program prints the lines for .env and posts what is typed", async () => {
  const received = Promise.withResolvers<string>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      received.resolve(await request.text());
      return new Response(null);
    },
  });
  const child = Bun.spawn(
    [process.execPath, join(ROOT, "fakes/graph/main.ts"), "--port", "0", "--webhook", `${server.url}whatsapp`],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  void child.stdin.write("Graph this\n");
  void child.stdin.flush();
  expect(await received.promise).toContain("Graph this");
  void child.stdin.write("/quit\n");
  await child.stdin.end();
  const printed = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  for (const name of ["TOKEN", "PHONE_ID", "APP_SECRET", "VERIFY_TOKEN", "API"])
    expect(printed).toContain(`\nSANDPIPER_WHATSAPP_${name}=`);
  await server.stop(true);
});
