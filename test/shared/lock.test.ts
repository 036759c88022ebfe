// One holder at a time: whoever races for it, however the holder ends.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { holdLock } from "../../src/shared/db.ts";
import { temporaryFolder } from "./temporary.ts";

/** Another process that tries for the lock, or lets go of it, when it is told to. */
function startRival(file: string) {
  const source = `
    import { holdLock } from ${JSON.stringify(join(import.meta.dir, "../../src/shared/db.ts"))};
    let lock = null;
    console.log("there");
    for await (const word of console) {
      if (word === "try") lock = holdLock(process.argv[1]);
      else lock?.release();
      console.log(word === "try" ? (lock === null ? "no" : "yes") : "free");
    }`;
  const child = Bun.spawn([process.execPath, "-e", source, file], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  const hear = async (): Promise<string> => decoder.decode((await reader.read()).value).trim();
  return {
    hear,
    say: (word: string): Promise<string> => {
      void child.stdin.write(`${word}\n`);
      void child.stdin.flush();
      return hear();
    },
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    [Symbol.asyncDispose]: async () => {
      await child.stdin.end();
      await child.exited;
    },
  };
}

test("of two that race for it exactly one has it, a hundred times", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "data/core.lock");
  await using first = startRival(file);
  await using second = startRival(file);
  expect([await first.hear(), await second.hear()]).toEqual(["there", "there"]);
  const winners = new Set<string>();
  for (let race = 0; race < 100; race += 1) {
    const order = race % 2 === 0 ? [first, second] : [second, first];
    const said = await Promise.all(order.map((one) => one.say("try")));
    expect(said.toSorted()).toEqual(["no", "yes"]);
    winners.add(order.indexOf(first) === said.indexOf("yes") ? "first" : "second");
    await Promise.all(order.map((one) => one.say("let go")));
  }
  expect(winners.size).toBe(2);
}, 60_000);

test("it is free again as soon as its holder is killed, and not before", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "core.lock");
  await using rival = startRival(file);
  await rival.hear();
  expect(await rival.say("try")).toBe("yes");
  expect(holdLock(file)).toBeNull();
  await rival.kill();
  const ours = holdLock(file);
  expect(ours).not.toBeNull();
  expect(holdLock(file)).toBeNull();
  ours?.release();
  holdLock(file)?.release();
  expect(holdLock(file)).not.toBeNull();
});
