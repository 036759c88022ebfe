// Children that are kept alive: their lines, their messages, their restarts and their end.
import { describe, expect, test } from "bun:test";
import { keepAlive, type ChildOptions } from "../../src/shared/child.ts";

type Exit = Parameters<ChildOptions["onExit"]>[0];

/** A child of this Bun that runs `source`; what it does is told in order. */
function family(source: string, options: Partial<Pick<ChildOptions, "command">> = {}) {
  const told: unknown[] = [];
  let changed = Promise.withResolvers<void>();
  const tell = (what: unknown) => {
    told.push(what);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const child = keepAlive({
    name: "test",
    command: () => ({ argv: [process.execPath, "-e", source], env: { PATH: process.env["PATH"] ?? "" }, cwd: "/" }),
    onLine: (line) => tell(line),
    onMessage: (message) => tell({ message }),
    onExit: (exit) => tell({ exit }),
    ...options,
  });
  const until = async (isThere: (told: readonly unknown[]) => boolean) => {
    while (!isThere(told)) await changed.promise;
  };
  const exits = () => told.flatMap((one) => (isExit(one) ? [one.exit] : []));
  return { child, told, until, exits };
}

const isExit = (one: unknown): one is { exit: Exit } => typeof one === "object" && one !== null && "exit" in one;

test("lines and messages arrive whole, whatever they were cut into", async () => {
  const { child, told, until } = family(`
    process.stdout.write("one\\ntw");
    process.stdout.write("o\\nthree é\\n");
    process.send({ type: "ready", port: 7 });
    setInterval(() => undefined, 1000);`);
  await until((all) => all.length === 4);
  expect(told.filter((one) => typeof one === "string")).toEqual(["one", "two", "three é"]);
  expect(told).toContainEqual({ message: { type: "ready", port: 7 } });
  await child.stop(5_000);
});

test("what a dying child said last is heard before its end is told", async () => {
  for (let round = 0; round < 5; round += 1) {
    const { child, told, until, exits } = family(`console.error("reason one\\nreason two"); process.exit(3);`);
    await until(() => exits().length > 0);
    expect(told.slice(0, 3)).toEqual([
      "reason one",
      "reason two",
      { exit: { code: 3, signal: null, isWanted: false } },
    ]);
    await child.stop(1_000);
  }
});

describe("a child that dies", () => {
  test("is started again", async () => {
    const { child, told, until, exits } = family(`console.log("born"); process.exit(1);`);
    await until(() => exits().length === 2);
    expect(told.filter((one) => one === "born").length).toBeGreaterThanOrEqual(2);
    await child.stop(1_000);
  });

  test("by a signal says which", async () => {
    const { child, until, exits } = family(`process.kill(process.pid, "SIGKILL");`);
    await until(() => exits().length === 1);
    expect(exits()[0]).toEqual({ code: null, signal: "SIGKILL", isWanted: false });
    await child.stop(1_000);
  });

  test("because its program is not there is told like any other death, and tried again", async () => {
    let asked = 0;
    const { child, told, until, exits } = family("", {
      command: () => {
        asked += 1;
        return { argv: ["/nowhere/python3"], env: {}, cwd: "/" };
      },
    });
    await until(() => exits().length === 2);
    expect(asked).toBe(2);
    expect(told[0]).toContain("/nowhere/python3");
    expect(exits()[0]).toEqual({ code: null, signal: null, isWanted: false });
    await child.stop(1_000);
  });
});

describe("stopping", () => {
  test("lets a child end by itself, and does not start it again", async () => {
    const { child, told, until, exits } = family(`
      process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
      console.log("up");
      setInterval(() => undefined, 1000);`);
    await until((all) => all.includes("up"));
    await child.stop(60_000);
    expect(told).toContain("bye");
    expect(exits()).toEqual([{ code: 0, signal: null, isWanted: true }]);
  });

  test("ends a child that does not listen", async () => {
    const { child, until, exits } = family(`
      process.on("SIGTERM", () => undefined);
      console.log("up");
      setInterval(() => undefined, 1000);`);
    await until((all) => all.includes("up"));
    await child.stop(20);
    expect(exits()).toEqual([{ code: null, signal: "SIGKILL", isWanted: true }]);
  });

  test("twice is the same as once", async () => {
    const { child, until, exits } = family(`console.log("up"); setInterval(() => undefined, 1000);`);
    await until((all) => all.includes("up"));
    await Promise.all([child.stop(5_000), child.stop(5_000)]);
    expect(exits().length).toBe(1);
  });
});

test("a line without an end is cut, so that a mad child does not fill the memory", async () => {
  const { child, told, until } = family(`process.stdout.write("x".repeat(300_000) + "\\nend\\n");`);
  await until((all) => all.includes("end"));
  expect(String(told[0]).length).toBe(64 * 1024);
  await child.stop(1_000);
});
