// The door for people, in checkouts of its own under an empty home: first starts, second starts, and what goes wrong.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { allGone, descendantsOf } from "../e2e/processes.ts";
import { checkout, isRoot, type Outcome, type Project } from "./project.ts";

setDefaultTimeout(180_000);

const Setup = z.object({
  bwrap: z.string(),
  python: z.object({
    executable: z.string(),
    site: z.string().nullable(),
    base: z.string().nullable(),
    source: z.enum(["found", "pypi", "debian"]),
  }),
});

const CLOSED = "http://127.0.0.1:1";
const START = ["npm", "start"];
const run = (...args: string[]) => ["node", "scripts/run.mjs", ...args];

/** One sentence and its fix: no stack, no foreign noise. */
function expectSentence(outcome: Outcome, sentence: string | RegExp): void {
  expect(outcome.stderr).toMatch(sentence);
  expect(outcome.stderr).not.toMatch(/^\s+at |node:internal|Error:/m);
  expect(outcome.stderr).toContain("What helps: ");
  expect(outcome.code).toBe(1);
}

let ready: Project;
let first: Outcome;
let saidFirst: string;

beforeAll(async () => {
  ready = checkout();
  const started = ready.start(START);
  saidFirst = await started.ready;
  started.kill("SIGTERM");
  first = await started.outcome;
});
afterAll(() => ready[Symbol.dispose]());

describe("the first start", () => {
  test("sets up a fresh checkout, a line a part, and serves", () => {
    expect(saidFirst).toContain("http://127.0.0.1:");
    expect(first.stderr).toMatch(/✓ Packages \(\d+ packages\) +\d/);
    expect(first.stderr).toMatch(/✓ Web page/);
  });

  test("writes down what rooms are made of", () => {
    const setup = Setup.parse(JSON.parse(readFileSync(join(ready.path, ".tools/setup.json"), "utf8")));
    expect([existsSync(setup.bwrap), existsSync(setup.python.executable)]).toEqual([true, true]);
  });

  test.if(isRoot)("works for an ordinary user as well", async () => {
    using project = checkout();
    project.handOver();
    await using started = project.start(START, { isOrdinary: true });
    expect(await started.ready).toContain("http://");
    expect(statSync(join(project.path, ".tools/setup.json")).uid).not.toBe(0);
  });

  test("works twice at once: one sets up, the other waits", async () => {
    using project = checkout();
    await using one = project.start(START);
    await using other = project.start(START);
    await Promise.all([one.ready, other.ready]);
    one.kill("SIGTERM");
    other.kill("SIGTERM");
    const said = (await Promise.all([one.outcome, other.outcome])).map(({ stderr }) => stderr).join("");
    expect(said.match(/✓ Packages/g)).toHaveLength(1);
    expect(said.match(/waiting for it/g)).toHaveLength(1);
  });

  test("works with Bun alone, without Node and npm", async () => {
    const PATH = ready.pathOf("bun", "sh");
    await using started = ready.start(["bun", "run", "start"], { env: { PATH } });
    expect(await started.ready).toContain("http://");
  });
});

describe("the second start", () => {
  test("does nothing but start, and passes on arguments and the exit code", async () => {
    const written = () => statSync(join(ready.path, ".tools/setup.json")).mtimeMs;
    const before = written();
    await using started = ready.start(run("start", "--flag", "x"), { env: { EXIT_CODE: "7" } });
    expect(await started.ready).toEndWith("--flag x");
    started.kill("SIGTERM");
    const { code, stderr } = await started.outcome;
    expect([code, stderr, written()]).toEqual([7, "", before]);
  });

  test("builds the page again when a source of it changed, and only that", async () => {
    using project = ready.copy();
    project.write("src/web/extra.css", "a { color: red }");
    await using started = project.start(run("start"));
    await started.ready;
    started.kill("SIGTERM");
    expect((await started.outcome).stderr.match(/✓ [A-Z][a-z ]+/g)).toEqual(["✓ Web page "]);
  });
});

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("%s to npm leaves no process behind", async (signal) => {
  await using started = ready.start(START);
  await started.ready;
  const family = descendantsOf(started.pid);
  expect(family.length).toBeGreaterThanOrEqual(2);
  started.kill(signal);
  await allGone(family, 10_000);
});

test("SIGKILL to the start script leaves no server behind", async () => {
  await using started = ready.start(run("start"));
  await started.ready;
  const family = descendantsOf(started.pid);
  started.kill("SIGKILL");
  await allGone(family, 10_000);
});

describe("without a network", () => {
  test("Bun that cannot be downloaded is a sentence", async () => {
    using project = checkout();
    const env = { PATH: project.pathOf("node", "npm", "sh", "env"), npm_config_registry: CLOSED };
    expectSentence(
      await project.run(run("start"), { env }),
      "Bun could not be downloaded: the npm registry cannot be reached",
    );
    expect(existsSync(join(project.path, ".tools/lock"))).toBe(false);
  });

  test("neither Bun nor npm is a sentence", async () => {
    using project = checkout();
    const outcome = await project.run(run("start"), { env: { PATH: project.pathOf("node") } });
    expectSentence(outcome, "there is neither Bun nor npm here");
  });

  test("packages that cannot be downloaded are a sentence", async () => {
    using project = checkout();
    const env = { BUN_CONFIG_REGISTRY: CLOSED, BUN_INSTALL_CACHE_DIR: join(project.home, "cache") };
    expectSentence(await project.run(run("start"), { env }), "The packages could not be downloaded");
  });

  test("Python packages that cannot be downloaded are a sentence", async () => {
    using project = ready.copy();
    const venv = join(project.home, "venv");
    expect((await project.run(["/usr/bin/python3", "-m", "venv", "--without-pip", venv])).code).toBe(0);
    const env = { SANDPIPER_PYTHON: join(venv, "bin/python3"), PIP_INDEX_URL: CLOSED, PIP_FIND_LINKS: "" };
    const outcome = await project.run(run("start"), { env });
    expectSentence(outcome, /cannot be reached from here/);
    expect(existsSync(join(project.path, ".tools/setup.json"))).toBe(false);
  });
});

describe("a machine or a checkout that lacks something", () => {
  test("user namespaces: the kernel's limit is named with its fix", async () => {
    using project = ready.copy();
    project.remove(".tools/setup.json");
    if (isRoot) project.handOver();
    const inside = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --inh-caps=-all --ambient-caps=-all";
    const confined = ["unshare", "-U", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c"];
    const command = [...confined, `${inside} node scripts/run.mjs start`];
    expectSentence(await project.run(command, { isOrdinary: true }), "user.max_user_namespaces");
  });

  test("bun.lock", async () => {
    using project = checkout();
    project.remove("bun.lock");
    expectSentence(await project.run(run("start")), "bun.lock is missing");
  });

  test("a bun.lock that fits package.json", async () => {
    using project = checkout();
    const manifest = readFileSync(join(project.path, "package.json"), "utf8");
    project.write("package.json", manifest.replace(/"zod": "[^"]+"/, '"zod": "4.6.6"'));
    expectSentence(await project.run(run("start")), "package.json and bun.lock do not fit together");
  });

  test.if(isRoot)("the right to write", async () => {
    expectSentence(await ready.run(run("start"), { isOrdinary: true }), "cannot be written by this user");
  });

  test("a Bun where BUN points", async () => {
    expectSentence(await ready.run(run("start"), { env: { BUN: "/bin/true" } }), "BUN is set to /bin/true");
  });
});

describe("other modes", () => {
  test("an E2B key leaves the machine's own sandbox alone", async () => {
    using project = ready.copy();
    project.remove(".tools/setup.json");
    project.write(".env", "E2B_API_KEY=e2b_test\n");
    const outcome = await project.run(run("setup"));
    expect(outcome.stderr).toContain("✓ Sandbox (E2B)");
    expect([outcome.code, existsSync(join(project.path, ".tools/setup.json"))]).toEqual([0, false]);
  });

  test("setup says what is there already", async () => {
    const { stderr } = await ready.run(run("setup"), { env: { SANDPIPER_SANDBOX: "e2b" } });
    expect(stderr.match(/already there/g)).toHaveLength(4);
  });

  test("setup clears away what a killed one left half done", async () => {
    ready.write(".tools/bun-1.4.5.99.part/package.json", "{}");
    await ready.run(run("setup"));
    expect(existsSync(join(ready.path, ".tools/bun-1.4.5.99.part"))).toBe(false);
  });

  test("cli hands over arguments, stdin's kind and the exit code", async () => {
    ready.write("src/cli/main.ts", "console.log(process.argv.slice(2).join('|')); process.exit(5);");
    expect(await ready.run(run("cli", "logs", "a b"))).toEqual({ code: 5, stdout: "logs|a b\n", stderr: "" });
  });

  test("run starts any program of the project", async () => {
    ready.write("bench/one.ts", "console.log('ran', process.argv[2]);");
    expect((await ready.run(run("run", "bench/one.ts", "x"))).stdout).toBe("ran x\n");
  });

  test.each([[[]], [["nonsense"]], [["toString"]], [["run"]]])("%j is answered with the usage", async (args) => {
    const { code, stderr } = await ready.run(run(...args));
    expect(code).toBe(2);
    expect(stderr).toStartWith("Usage: ");
  });
});

describe("a run of tests", () => {
  const program = (project: Project) =>
    `import { runTests } from "./scripts/setup/testing.mjs";
     process.exitCode = await runTests({ bun: ${JSON.stringify(process.execPath)}, root: ${JSON.stringify(project.path)},
       testEnvironment: { SANDPIPER_TEST_CHROMIUM: "" } }, []);`;
  const suite = (body: string) => `import { expect, test } from "bun:test";\n${body}\n`;

  test.each([
    ["test('a', () => {});", "", 0, "1 passed, 0 failed"],
    ["test('a', () => {}); test.skip('b', () => {});", "", 0, "1 passed, 0 failed, 1 skipped"],
    ["test('a', () => {}); test.skip('b', () => {});", "true", 1, "1 passed, 0 failed, 1 skipped"],
    ["test('a', () => expect(1).toBe(2));", "", 1, "0 passed, 1 failed"],
    ["throw new Error('early');", "", 1, "0 passed, 1 failed"],
    ["test('a', () => expect(process.env.SANDPIPER_TEST_CHROMIUM).toBe(''));", "true", 0, "1 passed, 0 failed"],
  ])("%s with CI=%j ends with %p and “%s”", async (body, CI, code, line) => {
    using project = checkout();
    project.write("run_tests.mjs", program(project));
    project.write("test/one.test.ts", suite(body));
    const outcome = await project.run(["node", "run_tests.mjs"], { env: { CI } });
    expect(outcome.stdout.trimEnd().split("\n").at(-1)).toBe(line);
    expect(outcome.code).toBe(code);
  });
});
