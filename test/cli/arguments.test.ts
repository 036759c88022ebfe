// What is typed wrong is answered with a sentence and a code of its own, before anything is started.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../shared/temporary.ts";
import { sandpiper } from "./command.ts";

test("help is the list of verbs, on stdout", async () => {
  using folder = temporaryFolder();
  for (const args of [[], ["help"]]) {
    const { code, out, err } = await sandpiper(folder.path, ...args);
    expect([code, err]).toEqual([0, ""]);
    for (const verb of ["start", "ask", "doctor", "link", "logs"]) expect(out).toContain(`\n  ${verb} `);
  }
});

test.each([
  ["a verb that does not exist", ["sing"], "There is no command “sing”."],
  ["a verb that only looks like one", ["toString"], "There is no command “toString”."],
  ["an option that does not exist", ["ask", "--loud", "Graph"], "--loud"],
  ["an option without its value", ["ask", "Graph", "--out"], "--out"],
  ["words where none belong", ["logs", "please"], "please"],
  ["a number of lines that is none", ["logs", "--lines", "many"], "--lines"],
  ["lines below zero", ["logs", "--lines=-1"], "--lines"],
  ["nothing to ask", ["ask"], "Nothing was asked."],
  ["a file that is not there", ["ask", "Graph", "gone.csv"], "There is no file"],
  ["a folder for a file", ["ask", "Graph", "."], "is not a file"],
  ["code that is not there", ["ask", "--code", "gone.py"], "There is no file"],
])("%s ends with code 2 and starts nothing", async (_name, args, sentence) => {
  using folder = temporaryFolder();
  const { code, out, err } = await sandpiper(folder.path, ...args);
  expect(err).toContain(sentence);
  expect(err).not.toContain("    at ");
  expect([code, out]).toEqual([2, ""]);
  expect(existsSync(join(folder.path, "data/jobs.db"))).toBe(false);
});

describe("a link", () => {
  const link = (home: string) => sandpiper(home, "link");
  const withServerFile = (home: string, content: string) => {
    mkdirSync(join(home, "data"));
    writeFileSync(join(home, "data/server.json"), content);
    writeFileSync(join(home, "data/token"), "t".repeat(43));
  };

  test("needs a Sandpiper that runs", async () => {
    using folder = temporaryFolder();
    expect(await link(folder.path)).toMatchObject({ code: 1, out: "" });
  });

  test.each(["", "{", "[]", `{"port":"x","pid":1}`])(
    "is not disturbed by a broken note of the last run: %p",
    async (content) => {
      using folder = temporaryFolder();
      withServerFile(folder.path, content);
      const { code, err } = await link(folder.path);
      expect(err).toContain("Sandpiper is not running.");
      expect(err).not.toContain("    at ");
      expect(code).toBe(1);
    },
  );

  test("is not asked of another program that has our old port, and that program never sees the token", async () => {
    using folder = temporaryFolder();
    const seen: string[] = [];
    await using other = listening((request) => {
      seen.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get("authorization") ?? ""}`);
      return Response.json({ url: "http://evil.example" });
    });
    withServerFile(folder.path, JSON.stringify({ port: other.port, pid: 1 }));
    const { code, err } = await link(folder.path);
    expect([code, err.includes("Sandpiper is not running.")]).toEqual([1, true]);
    expect(seen.join()).not.toContain("Bearer");
  });
});

function listening(fetch: (request: Request) => Response) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) };
}
