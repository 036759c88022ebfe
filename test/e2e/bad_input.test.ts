// What goes wrong outside of Sandpiper: files, words, code and requests that nobody should send. Each gets a sentence.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { ask, askJson } from "./command.ts";
import { descendantsOf } from "./processes.ts";
import { Bars } from "./random_table.ts";
import { PATIENCE_MS, startSandpiper, type Job, type Sandpiper } from "./sandpiper.ts";
import { until } from "./until.ts";

setDefaultTimeout(2 * PATIENCE_MS);

let sandpiper: Sandpiper;

beforeAll(async () => {
  sandpiper = await startSandpiper({ SANDPIPER_MAX_UPLOAD_MB: "1", SANDPIPER_MEMORY_MB: "600" });
});
afterAll(() => sandpiper[Symbol.asyncDispose]());

async function write(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const path = join(sandpiper.home, name);
  await Bun.write(path, content);
  return path;
}

/** A refusal for people: words, an exit code, and nothing of our own insides. */
async function refusal(args: readonly string[]): Promise<string> {
  const { code, out, err } = await ask(sandpiper.home, args);
  expect({ hasFailed: code !== 0, out }).toEqual({ hasFailed: true, out: "" });
  expect(err).toMatch(/\w/);
  // A traceback of one's own code is what one needs; a stack of ours is not.
  expect(err).not.toMatch(/\n\s+at .*\.ts:\d+|node_modules|\/src\/|undefined|\[object/);
  return err;
}

async function runCode(one: Sandpiper, code: string): Promise<Job> {
  const id = await one.send({ code });
  await one.follow(id);
  return one.job(id);
}

describe("a file", () => {
  test("that is empty is named and said to be empty", async () => {
    expect(await refusal(["Graph this", await write("nothing.csv", "")])).toMatch(/nothing\.csv.* empty/);
  });

  test("with nothing but a header is said to have no rows", async () => {
    expect(await refusal(["Graph this", await write("head.csv", "a,b,c\n")])).toMatch(/head\.csv.*no rows/);
  });

  test("that is binary under the name .csv is said not to be a table", async () => {
    const bytes = new Uint8Array(20_000);
    crypto.getRandomValues(bytes);
    expect(await refusal(["Graph this", await write("noise.csv", bytes)])).toMatch(/noise\.csv.*not a (table|text)/i);
  });

  for (const megabytes of [1.5, 3, 64]) {
    test(`of ${megabytes} MiB where 1 is allowed is refused with the limit`, async () => {
      const path = await write("large.csv", `a,b\n${"1,2\n".repeat(megabytes * 2 ** 18)}`);
      expect(await refusal(["Graph this", path])).toMatch(/ 1 MiB|SANDPIPER_MAX_UPLOAD_MB/);
    });
  }

  test("that is not there is named", async () => {
    expect(await refusal(["Graph this", "nowhere.csv"])).toContain(`no file ${join(sandpiper.home, "nowhere.csv")}`);
  });

  test("that is a folder is said not to be a file", async () => {
    expect(await refusal(["Graph this", sandpiper.home])).toContain("is not a file");
  });

  test("with code as the name of a column is drawn, and the code is not run", async () => {
    const path = await write("evil.csv", `"""); import os #",amount\n${"x,1.5\ny,2.25\nx,4\nz,1\n".repeat(3)}`);
    const { code, answer } = await askJson(sandpiper.home, ["Graph this", path]);
    expect({ code, status: answer.status, error: answer.error }).toEqual({
      code: 0,
      status: "completed",
      error: undefined,
    });
    const bars = Bars.parse(answer.artifacts.find((artifact) => artifact.media_type === "image/png")?.data);
    expect(bars.x_label).toContain('"); import os #');
    expect(bars.elements.map(({ label, value }) => [label, value])).toEqual([
      ["x", 16.5],
      ["y", 6.75],
      ["z", 3],
    ]);
  });
});

describe("words", () => {
  test("of 10,000 characters are taken", async () => {
    const path = await write("small.csv", "town,people\nA,10\nB,20\nA,35\n");
    const { code, answer } = await askJson(sandpiper.home, [`Graph this. ${"So it is. ".repeat(1_000)}`, path]);
    expect({ code, status: answer.status }).toEqual({ code: 0, status: "completed" });
    expect(answer.text).not.toBe("");
  });

  test("that are none at all are refused with the usage", async () => {
    expect(await refusal([])).toContain("Nothing was asked");
  });
});

describe("Python", () => {
  test("that raises gives its error as the message and its traceback as the detail", async () => {
    const file = await write("raises.py", "def deep():\n    return {}['missing']\n\ndeep()\n");
    const { code, answer } = await askJson(sandpiper.home, ["", "--code", file]);
    expect({ code: code !== 0, status: answer.status }).toEqual({ code: true, status: "failed" });
    expect(answer.error?.code).toBe("code");
    expect(answer.error?.message).toContain("KeyError: 'missing'");
    expect(answer.error?.detail).toContain("Traceback");
    expect(answer.error?.detail).toContain("deep()");
  });

  test("that does not parse is told the line", async () => {
    const { status, output } = await runCode(sandpiper, "x = 1\nif x\n");
    expect({ status, code: output?.error?.code }).toEqual({ status: "failed", code: "code" });
    expect(output?.error?.message).toContain("SyntaxError");
    expect(output?.error?.detail).toContain("line 2");
  });

  test("that prints a gigabyte is stopped, and what it printed first is kept", async () => {
    const { status, output } = await runCode(sandpiper, "for n in range(1024):\n    print(f'{n:06} ' + 'x' * 2**20)");
    expect(status).toBe("failed");
    expect(output?.error?.message).toContain("more than 64 MiB");
    expect(output?.stdout).toStartWith("000000 xxx");
    expect(output?.stdout.length).toBeLessThan(1.1 * 2 ** 20);
    expect(output?.stdout).toContain("output truncated");
  });

  test("that allocates too much gets a MemoryError", async () => {
    const { status, output } = await runCode(sandpiper, "held = []\nwhile True:\n    held.append(bytearray(2**26))");
    expect(status).toBe("failed");
    expect(output?.error?.message).toMatch(/MemoryError|memory/);
  });

  test("that fills the disk is told so", async () => {
    const code = "with open('big', 'wb') as file:\n    while True:\n        file.write(bytes(2**24))";
    const { status, output } = await runCode(sandpiper, code);
    expect(status).toBe("failed");
    expect(output?.error?.message).toMatch(/No space left|File too large/);
  });

  test("that forks until it may not is held, and none of its processes is left", async () => {
    const before = descendantsOf(sandpiper.pid).length;
    const { status, output } = await runCode(
      sandpiper,
      "import os, time\nchildren = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            time.sleep(300)\n" +
        "            os._exit(0)\n        children += 1\nexcept OSError:\n    print(children)",
    );
    expect({ status, error: output?.error }).toEqual({ status: "completed", error: undefined });
    expect(Number(output?.stdout)).toBeGreaterThan(3);
    expect(Number(output?.stdout)).toBeLessThan(128);
    const count = (): number => descendantsOf(sandpiper.pid).length;
    await until(
      () => count() <= before + 3,
      PATIENCE_MS,
      () => `${count()} processes, before ${before}`,
    );
  });

  test("that forks without end in every child ends with a sentence", async () => {
    const { status, output } = await runCode(sandpiper, "import os\nwhile True:\n    os.fork()");
    expect(status).toBe("failed");
    expect(output?.error?.message).toMatch(/Resource temporarily unavailable|sandbox/i);
  });

  test("that kills its own interpreter ends with a sentence", async () => {
    for (const code of [
      "import os\nos._exit(3)",
      "import os\nos.kill(os.getpid(), 9)",
      "import os\nos.kill(1, 9)\nos.kill(-1, 9)",
    ]) {
      const { status, output } = await runCode(sandpiper, code);
      expect({ code, status }).toEqual({ code, status: "failed" });
      expect(output?.error?.message).toMatch(/^[A-Z].*\w.*[.!]?$/);
    }
  });

  test("that never ends is stopped when its time is up", async () => {
    await using hurried = await startSandpiper({ SANDPIPER_JOB_SECONDS: "3" });
    const { status, output } = await runCode(hurried, "while True:\n    pass");
    expect(status).toBe("failed");
    expect(output?.error?.code).toBe("timeout");
    expect(output?.error?.message).toContain("longer than 3 s, so it was stopped");
    // A small limit is soon used up on a busy machine: it may take more than one.
    await until(async () => (await runCode(hurried, "print(1)")).status === "completed", PATIENCE_MS);
  });
});

const Refusal = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });

describe("a request", () => {
  const json = { "Content-Type": "application/json" };
  const cases: readonly (readonly [string, string, RequestInit, number, RegExp])[] = [
    [
      "whose JSON is broken",
      "/api/messages",
      { method: "POST", body: '{"text": ', headers: json },
      400,
      /not valid JSON/,
    ],
    ["whose body is a list", "/api/messages", { method: "POST", body: "[]", headers: json }, 400, /body/],
    [
      "with a field that is not known",
      "/api/messages",
      { method: "POST", body: '{"txt":"a"}', headers: json },
      400,
      /txt/,
    ],
    ["that is empty", "/api/messages", { method: "POST", body: "{}", headers: json }, 400, /message is empty/],
    ["of a kind that is not known", "/api/messages", { method: "POST", body: "a=1" }, 415, /JSON/],
    [
      "whose form is broken",
      "/api/messages",
      { method: "POST", body: "nothing", headers: { "Content-Type": "multipart/form-data; boundary=x" } },
      400,
      /form/,
    ],
    ["for a route that is not there", "/api/nothing", {}, 404, /There is no GET \/api\/nothing/],
    ["for a page that is not there", "/nothing", {}, 404, /no page/],
    ["with a method that is not there", "/api/jobs", { method: "PUT" }, 404, /There is no PUT \/api\/jobs/],
    ["for a job that is not there", "/api/jobs/nothing", {}, 404, /no such job/],
    ["for an artifact that is not there", "/api/artifacts/..%2F..%2Fdata%2Ftoken", {}, 404, /no such artifact/],
    ["for an upload out of its folder", "/api/uploads/..%2F..%2Fdata%2Ftoken", {}, 404, /no such file/],
    [
      "for an example out of its folder",
      "/api/messages",
      { method: "POST", body: '{"text":"a","example":"../package.json"}', headers: json },
      400,
      /outside/,
    ],
    ["from another page", "/api/jobs", { headers: { Origin: "http://evil.example" } }, 403, /other web pages/],
    ["to another name", "/api/jobs", { headers: { Host: "evil.example" } }, 403, /not Sandpiper's/],
    ["with a wrong token", "/api/jobs", { headers: { Authorization: "Bearer nothing" } }, 401, /not paired/],
  ];
  for (const [name, path, init, status, sentence] of cases) {
    test(`${name} is answered ${status} with a sentence`, async () => {
      const response = await sandpiper.fetch(path, init);
      const { error } = Refusal.parse(await response.json());
      expect(response.status).toBe(status);
      expect(error.message).toMatch(sentence);
    });
  }
});

test("after all of this a job works as ever", async () => {
  const { status, output } = await runCode(sandpiper, "print(6 * 7)");
  expect({ status, stdout: output?.stdout }).toEqual({ status: "completed", stdout: "42\n" });
});

test("two asks at once are both answered, each about its own file", async () => {
  const files = await Promise.all(
    ["first", "second"].map((name, at) => write(`${name}.csv`, `town,people\n${name},1${at}\nB,20\n${name},35\n`)),
  );
  const answers = await Promise.all(files.map((file) => askJson(sandpiper.home, ["Graph this", file])));
  for (const [at, { code, answer }] of answers.entries()) {
    expect(code).toBe(0);
    const bars = Bars.parse(answer.artifacts[0]?.data);
    const own = at === 0 ? "first" : "second";
    expect(bars.elements.find(({ label }) => label === own)?.value).toBe(45 + at);
  }
  expect(new Set(answers.map(({ answer }) => answer.artifacts[0]?.path)).size).toBe(2);
});
