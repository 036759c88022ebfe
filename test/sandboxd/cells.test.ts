// What a cell means, with IPython and without it: one contract for both.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Execution, Sandbox } from "@e2b/code-interpreter";
import { withNotebook, withoutNotebook } from "./pythons.ts";
import { failureOf, startServer, type TestServer } from "./harness.ts";

const small = withoutNotebook();
const large = withNotebook();

describe.each([
  { name: "IPython", options: large?.options ?? null },
  { name: "plain Python", options: small === null ? null : { python: small } },
])("a cell of $name", ({ options }) => {
  // This machine has no such Python.
  if (options === null) return;
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer({}, options);
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const run = async (code: string): Promise<Execution> => await sandbox.runCode(code);
  const shown = async (code: string): Promise<(string | undefined)[]> =>
    (await run(code)).results.map((result) => result.text);

  test("remembers values and inputs by number and by place", async () => {
    await using own = await fresh(server);
    await own.runCode("10");
    await own.runCode("20");
    const { text } = await own.runCode("[_, __, _1, Out[2], In[1]]");
    expect(text).toBe("[20, 10, 10, 20, '10']");
    const after = await own.runCode("_ = 'mine'\n30;\n40");
    expect(after.text).toBe("40");
    expect((await own.runCode("_, _4")).text).toBe("('mine', 40)");
  });

  test("counts, also when it fails or is empty", async () => {
    await using own = await fresh(server);
    const counts: (number | undefined)[] = [];
    for (const code of ["!true", "1/0", "", "5"]) counts.push((await own.runCode(code)).executionCount);
    expect(counts).toEqual([1, 2, 3, 4]);
    expect((await own.runCode("Out[4], len(In)")).text).toBe("(5, 6)");
  });

  test("may be indented as a whole, and is silenced by a semicolon before a comment", async () => {
    expect(await shown("\n        x = 3\n\n        x + 1\n        ")).toEqual(["4"]);
    expect(await shown("x = 4\nx;  # not shown")).toEqual([]);
    expect(await shown("'a;'")).toEqual(["a;"]);
  });

  test("displays what it is told to, in order, and of several updates the last", async () => {
    expect(await shown("display(1, 'two')\nprint('x')\ndisplay([3])\n4")).toEqual(["1", "two", "[3]", "4"]);
    expect(await shown("h = display('0 %', display_id=True)\nfor n in range(5): h.update(f'{n} of 4')")).toEqual([
      "0 %",
      "4 of 4",
    ]);
    expect(await shown("display('a', display_id='one');\ndisplay('b', display_id='one', update=True);")).toEqual([
      "a",
      "b",
    ]);
    const { results } = await run("display({'text/latex': r'\\text{X}'}, raw=True)");
    expect(results.map((result) => result.formats())).toEqual([["latex"]]);
  });

  test("shows the forms that an object offers, and those without a field of their own", async () => {
    const { results } = await run(
      "class Two:\n  def __repr__(self): return 'plain'\n  def _repr_html_(self): return '<i>html</i>'\n" +
        "  def _repr_mimebundle_(self, **_): return {'text/markdown': '*m*', 'application/vnd.x+json': {'a': 1}}\nTwo()",
    );
    expect(results[0]?.raw).toMatchObject({
      text: "plain",
      html: "<i>html</i>",
      markdown: "*m*",
      json: { a: 1 },
      extra: { "application/vnd.x+json": { a: 1 } },
    });
  });

  test("shows a form that is no text as text, and none that is too large", async () => {
    const { results } = await run(
      "display({'text/html': 5, 'text/plain': 'x' * 300_000, 'image/svg+xml': 'y' * 9_000_000}, raw=True)",
    );
    expect(results[0]?.html).toBe("5");
    expect(results[0]?.svg).toBeUndefined();
    expect(results[0]?.text).toEndWith("[37856 characters left out]");
  });

  test("shows a figure once, whichever way it is shown", async () => {
    const figure = "import matplotlib.pyplot as plt\nf, ax = plt.subplots()\nax.plot([1, 2])\n";
    for (const way of [
      "f",
      "display(f)",
      "plt.show()",
      "ax.set_title('t');",
      "plt.savefig('f.png');",
      "display(f)\nf;",
    ]) {
      const { results, error } = await run(`${figure}${way}`);
      expect(error).toBeUndefined();
      expect(results.map((result) => [result.png !== undefined, String(result.chart?.type)])).toEqual([[true, "line"]]);
      expect(results[0]?.extra).toEqual({});
    }
    expect((await run(`${figure}ax = None\nplt.close()`)).results).toEqual([]);
  });

  test("says that a figure cannot be drawn, and goes on", async () => {
    const { error } = await run("plt.figure(); plt.gca().set_title('$\\\\frac{1}{$'); plt.plot([1]);");
    expect(error?.name).toBe("ValueError");
    expect((await run("1 + 1")).text).toBe("2");
  });

  test("shows a picture at its end, by show() and by save(), large ones smaller", async () => {
    const picture = "from PIL import Image\nimage = Image.new('RGB', (16, 8))\n";
    for (const way of ["image", "image.show()", "image.save('picture.png')", "display(image)"])
      expect(sizeOf((await run(`${picture}${way}`)).results[0]?.png)).toEqual([16, 8]);
    const { results } = await run("Image.new('F', (6000, 3000))");
    expect(sizeOf(results[0]?.png)).toEqual([2048, 1024]);
    expect((await run("import io\nimage.save(io.BytesIO(), 'PNG')")).results).toEqual([]);
  });

  test("runs commands in the order of what it prints, and says when one failed", async () => {
    const { logs, error } = await run("print('a')\n!echo b\nprint('c')\n!exit 3");
    expect(logs.stdout.join("")).toBe("a\nb\nc\n");
    expect(logs.stderr.join("")).toBe("[exit code 3]\n");
    expect(error).toBeUndefined();
  });

  test("knows the lines that notebooks begin with", async () => {
    const { logs } = await run("%matplotlib inline\n%load_ext autoreload\n%cd /tmp\n!echo here: $PWD");
    expect(logs.stdout.join("")).toBe("/tmp\nhere: /tmp\n");
    expect(await shown("%pwd")).toEqual(["/tmp"]);
    await run("%cd ~");
  });

  test("awaits, and an interrupt ends what it awaits for good", async () => {
    expect(
      await shown("import asyncio\nasync def seven():\n    await asyncio.sleep(0)\n    return 7\nawait seven()"),
    ).toEqual(["7"]);
    await run("task = asyncio.create_task(asyncio.sleep(0.01, 'later'))\nawait asyncio.sleep(0)");
    expect(await shown("await task")).toEqual(["later"]);
    expect(
      await failureOf(sandbox.runCode("late = False\nawait asyncio.sleep(1)\nlate = True", { timeoutMs: 200 })),
    ).toContain("timed out");
    expect(await shown("await asyncio.sleep(1.2)\nlate")).toEqual(["False"]);
  });

  test("that is interrupted says so in one error", async () => {
    const errors = await run("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)");
    expect(errors.error?.name).toBe("KeyboardInterrupt");
    const waiting = await run(
      "import threading\nthreading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\nawait asyncio.sleep(5)",
    );
    expect(waiting.error?.name).toBe("KeyboardInterrupt");
  });

  test("may end with exit()", async () => {
    for (const end of ["import sys; sys.exit()", "exit()", "sys.exit(0)"])
      expect((await run(`print(1)\n${end}`)).error).toBeUndefined();
    expect((await run("sys.exit('because')")).error).toMatchObject({ name: "SystemExit", value: "because" });
  });

  test("that fails shows its own lines, without colours and without ours", async () => {
    const { error } = await run("# first\ndef half(n):\n    return n / 0\n\nhalf(3)");
    expect(error?.traceback).toMatch(
      /line 5, in <module>\n {4}half\(3\)[^]*line 3, in half\n {4}return n \/ 0[^]*ZeroDivisionError: division by zero\n$/,
    );
    for (const foreign of ["\u001b", "sandpiper", "IPython"]) expect(error?.traceback).not.toContain(foreign);
    const syntax = (await run("x = 1\ny = = 2")).error;
    expect(syntax?.name).toBe("SyntaxError");
    expect(syntax?.traceback).toContain("line 2\n    y = = 2");
    const group = await run("raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])");
    expect(group.error?.traceback).toMatch(/ValueError: a[^]*TypeError: b/);
  });

  test("that wants a module which is not there says how to get it", async () => {
    const { error } = await run("import fitz_that_is_not_there");
    expect(error?.value).toBe(
      "No module named 'fitz_that_is_not_there'. fitz_that_is_not_there is not installed in the sandbox. " +
        "The owner can add it: bun run python -- add fitz_that_is_not_there",
    );
    expect((await run("import serial.tools")).error?.value).toEndWith("bun run python -- add pyserial");
    expect((await run("from google.nothing import x")).error?.value).not.toContain("sandpiper");
    expect((await run("import json.nothing")).error?.value).toBe("No module named 'json.nothing'");
    expect((await run("import imp_of_mine, os")).error?.traceback).toEndWith("bun run python -- add imp_of_mine\n");
    expect((await run("import distutils.nothing")).error?.value).not.toContain("add distutils");
    const reader =
      "try:\n    import serial\nexcept ImportError as error:\n    raise ImportError('Missing optional dependency') from error";
    expect((await run(reader)).error?.value).toEndWith("bun run python -- add pyserial");
  });

  test("cannot install packages, and says who can", async () => {
    expect((await run("%pip install x==1 'y'")).error?.value).toEndWith(
      "The owner can add them: bun run python -- add x==1 y",
    );
    for (const command of ["!pip install -q x", "!python3 -m pip install x"])
      expect((await run(command)).logs.stderr.join("")).toContain("The owner can add it: bun run python -- add x\n");
  });
});

afterAll(() => large?.[Symbol.dispose]());

async function fresh(server: TestServer): Promise<Sandbox & AsyncDisposable> {
  const sandbox = await server.create();
  return Object.assign(sandbox, { [Symbol.asyncDispose]: async () => void (await sandbox.kill()) });
}

function sizeOf(png: string | undefined): number[] {
  const bytes = Buffer.from(png ?? "", "base64");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}
