import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { failureOf, headersFor, startServer, type TestServer, WAYS } from "./harness.ts";

describe.each(WAYS)("code in a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const text = async (code: string): Promise<string> => (await sandbox.runCode(code)).logs.stdout.join("");

  test("a file goes in, a chart and a table come out, and the sandbox can be killed", async () => {
    const own = await server.create();
    await own.files.write("data.csv", "month,sales\nJan,3\nFeb,5\n");
    const execution = await own.runCode(
      "import pandas as pd, matplotlib.pyplot as plt\ndf = pd.read_csv('data.csv')\ndf.plot.bar(x='month')\nplt.savefig('chart.png')\nplt.show()\ndf",
    );
    expect(execution.error).toBeUndefined();
    const [chart, table] = execution.results;
    expect(
      Buffer.from(chart?.png ?? "", "base64")
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    expect(chart?.chart).toMatchObject({
      type: "bar",
      elements: [
        { label: "Jan", group: "sales", value: 3 },
        { label: "Feb", group: "sales", value: 5 },
      ],
    });
    expect(table?.data).toEqual({ month: ["Jan", "Feb"], sales: [3, 5] });
    expect(table?.html).toContain("<table");
    expect((await own.files.list("/home/user")).map((file) => file.name)).toEqual(["chart.png", "data.csv"]);
    const bytes = await own.files.read("chart.png", { format: "bytes" });
    expect(Buffer.from(bytes).subarray(1, 4).toString()).toBe("PNG");
    expect(await own.kill()).toBe(true);
    expect(await own.isRunning()).toBe(false);
  });

  test("output arrives while the code still runs, in the order in which it was written", async () => {
    const seen: string[] = [];
    const first = Promise.withResolvers<void>();
    const running = sandbox.runCode(
      "import sys, time, os\nprint('one')\nsys.stdout.flush()\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('two', file=sys.stderr)\nprint('three')",
      {
        onStdout: (message) => {
          seen.push(`out ${message.line.trim()}`);
          first.resolve();
        },
        onStderr: (message) => void seen.push(`err ${message.line.trim()}`),
      },
    );
    await first.promise;
    await sandbox.files.write("go", "");
    await running;
    expect(seen).toEqual(["out one", "err two", "out three"]);
  });

  test("what a command prints stands between what Python printed before and after", async () => {
    expect(await text("import subprocess\nprint('a')\nsubprocess.run(['echo', 'b'])\nprint('c')")).toBe("a\nb\nc\n");
  });

  test("a context that was restarted has forgotten everything, and is ready at once", async () => {
    const context = await sandbox.createCodeContext();
    await sandbox.runCode("x = 1", { context });
    await sandbox.restartCodeContext(context.id);
    expect((await sandbox.runCode("x", { context })).error?.name).toBe("NameError");
    await sandbox.removeCodeContext(context.id);
  });

  test("variables, imports and the folder are kept from one run to the next, and contexts are apart", async () => {
    await sandbox.runCode("import math, os\nkept = 41\nos.chdir('/tmp')");
    expect((await sandbox.runCode("kept + int(math.sqrt(1))")).text).toBe("42");
    const other = await sandbox.createCodeContext({ cwd: "/tmp" });
    const apart = await sandbox.runCode("import os\nprint(os.getcwd())\nkept", { context: other });
    expect(apart.logs.stdout.join("")).toBe("/tmp\n");
    expect(apart.error?.name).toBe("NameError");
    await sandbox.removeCodeContext(other);
    await sandbox.runCode("os.chdir('/home/user')");
  });

  test("an error names itself and shows the lines of the user's code only", async () => {
    const { error } = await sandbox.runCode("def half(n):\n    return n / 0\n\nhalf(3)");
    expect(error).toMatchObject({ name: "ZeroDivisionError", value: "division by zero" });
    expect(error?.traceback).toContain("return n / 0");
    expect(error?.traceback).not.toContain("sandpiper");
  });

  test("only a last expression that is not None and has no semicolon is a result", async () => {
    expect((await sandbox.runCode("'text'")).text).toBe("text");
    for (const silent of ["None", "1;", "x = 1", ""]) expect((await sandbox.runCode(silent)).results).toEqual([]);
    const { results } = await sandbox.runCode("display(1)\n{'a': [1, 2]}");
    expect(results.map((one) => [one.isMainResult, one.text])).toEqual([
      [false, "1"],
      [true, "{'a': [1, 2]}"],
    ]);
    expect(JSON.parse(JSON.stringify(results[1]?.json))).toEqual({ a: [1, 2] });
  });

  test("await works at the top of a cell, and input() says why it does not", async () => {
    expect((await sandbox.runCode("import asyncio\nawait asyncio.sleep(0)\n7")).text).toBe("7");
    expect((await sandbox.runCode("input('name? ')")).error?.value).toContain("input() cannot be used");
  });

  test("the lines of a notebook that are not Python work, also inside a block", async () => {
    expect(await text("%matplotlib inline\n%cd /tmp\n!echo here: $PWD\nif True:\n    !echo inside")).toBe(
      "/tmp\nhere: /tmp\ninside\n",
    );
    expect((await sandbox.runCode("%pwd")).text).toBe("/tmp");
    expect((await sandbox.runCode("%pip install x")).error?.value).toContain("bun run python -- add x");
    expect((await sandbox.runCode("%cd ~\nx = 5 % 3\nx")).text).toBe("2");
  });

  test("characters beyond ASCII survive, also when they fall on the edges of packets", async () => {
    const long = await text("print('日本é🎉' * 20_000)");
    expect(long).toBe(`${"日本é🎉".repeat(20_000)}\n`);
  });

  test("environment variables of a run are gone after it, those of the sandbox stay", async () => {
    const own = await server.create({ envs: { COLOUR: "red" } });
    const ask = "import os\nprint(os.environ.get('COLOUR'), os.environ.get('SHAPE'))";
    expect((await own.runCode(ask, { envs: { SHAPE: "round", COLOUR: "blue" } })).logs.stdout.join("")).toBe(
      "blue round\n",
    );
    expect((await own.runCode(ask)).logs.stdout.join("")).toBe("red None\n");
    await own.kill();
  });

  test("a run that takes too long is interrupted, and its variables are still there", async () => {
    await sandbox.runCode("precious = 5");
    const late = sandbox.runCode("import time\nwhile True: time.sleep(0.05)", { timeoutMs: 300 });
    expect(await failureOf(late)).toContain("timed out");
    expect((await sandbox.runCode("precious")).text).toBe("5");
  });

  test("code that ignores the interrupt is killed, and the context works again", async () => {
    const stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass";
    expect(await failureOf(sandbox.runCode(stubborn, { timeoutMs: 300 }))).toContain("timed out");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
  });

  test("a process that dies says how, and the next run begins anew", async () => {
    expect((await sandbox.runCode("import ctypes\nctypes.string_at(0)")).error?.value).toContain("signal 11");
    expect((await sandbox.runCode("import os\nos._exit(3)")).error?.value).toContain("exit code 3");
    expect((await sandbox.runCode("1 + 1")).text).toBe("2");
  });

  test("files can be read while code runs", async () => {
    const running = sandbox.runCode("import os, time\nwhile not os.path.exists('stop'): time.sleep(0.01)\n'ended'");
    expect(await sandbox.files.exists("go")).toBe(true);
    await sandbox.files.write("stop", "");
    expect((await running).text).toBe("ended");
  });

  test("code that is not text is refused with 422, another language with a clear sentence", async () => {
    const headers = await headersFor(server, sandbox.sandboxId, 49999);
    const answer = await fetch(`${server.url}/execute`, {
      method: "POST",
      headers,
      body: JSON.stringify({ code: {} }),
    });
    expect(answer.status).toBe(422);
    expect(await failureOf(sandbox.runCode("1", { language: "r" }))).toContain("400");
  });
});
