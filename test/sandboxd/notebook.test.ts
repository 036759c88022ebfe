// What only IPython gives a cell.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Execution, Sandbox } from "@e2b/code-interpreter";
import { startServer, WAYS, type TestServer } from "./harness.ts";
import { withNotebook } from "./pythons.ts";

const python = withNotebook();
afterAll(() => python?.[Symbol.dispose]());

describe.each(WAYS)("a cell in the manner of a notebook, %s", (name, way) => {
  // This machine has no IPython.
  if (python === null) return;
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way, python.options);
    sandbox = await server.create();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const run = async (code: string): Promise<Execution> => await sandbox.runCode(code);
  const text = async (code: string): Promise<string> => (await run(code)).logs.stdout.join("");

  test("has the commands for time, variables, environment and files", async () => {
    expect(await text("%time x = sum(range(10))")).toContain("Wall time");
    expect(await text("%timeit -n 2 -r 1 x + 1")).toContain("per loop");
    expect(await text("%env SHAPE=round\n!echo $SHAPE")).toBe("env: SHAPE=round\nround\n");
    expect(await text("%who int")).toBe("x\t \n");
    expect(await text("%%writefile told.py\nprint('told', x if 'x' in dir() else None)\nmade = 5")).toBe(
      "Writing told.py\n",
    );
    expect(await text("%run told.py")).toBe("told None\n");
    expect((await run("made")).text).toBe("5");
    expect(await text("ls told*")).toBe("told.py\n");
    expect((await run("%config InlineBackend.figure_format = 'retina'")).error).toBeUndefined();
  });

  test("explains an object", async () => {
    expect(await text("def half(n):\n    'The half.'\n    return n / 2\nhalf?")).toMatch(/half\(n\)[^]*The half\./);
    expect(await text("half??")).toContain("return n / 2");
    expect(await text("no_such_thing?")).toContain("not found");
  });

  test("hands the lines of a command to Python, and Python's values to a command", async () => {
    const { results } = await run("lines = !printf 'a\\nb\\n'\nlines");
    expect(results[0]?.raw).toMatchObject({ json: ["a", "b"] });
    expect(await text("n = 3\n!echo {n + 1} $n")).toBe("4 3\n");
    await run("!exit 4");
    expect((await run("_exit_code")).text).toBe("4");
  });

  test("runs a script of the shell, whose failure is an error", async () => {
    const { logs, error } = await run("%%bash\nfor n in 1 2; do echo line $n; done\necho wrong >&2\nexit 3");
    expect(logs.stdout.join("")).toBe("line 1\nline 2\n");
    expect(logs.stderr.join("")).toBe("wrong\n");
    expect(error).toMatchObject({ name: "CalledProcessError" });
    expect(error?.traceback).toContain("%%bash");
    expect(await text("%%bash --out kept\necho kept")).toBe("");
    expect(await text("print(kept)")).toBe("kept\n\n");
  });

  test("captures what is printed, run, shown and drawn", async () => {
    const captured = await run(
      "%%capture seen\nimport matplotlib.pyplot as plt\nprint('a')\n!echo b\nplt.plot([1])\nplt.show()\n5",
    );
    expect([captured.logs.stdout, captured.results]).toEqual([[], []]);
    expect((await run("seen.stdout, [sorted(one.data)[-1] for one in seen.outputs]")).text).toBe(
      "('a\\nb\\n', ['text/plain', 'text/plain'])",
    );
  });

  test("that fails inside a timed block shows the block's lines", async () => {
    const { error } = await run("%%time\na = 0\nb = 1 / a");
    expect(error?.traceback).toContain("b = 1 / a");
    expect(error?.traceback).not.toContain("get_ipython");
    expect((await run("%no_such_command")).error).toMatchObject({ name: "UsageError" });
  });

  test("shows what is registered for a type, and several kinds of display objects", async () => {
    const { results } = await run(
      "class Third: pass\nget_ipython().display_formatter.formatters['text/html'].for_type(Third, lambda _: '<b>3</b>')\n" +
        "from IPython.display import HTML, JSON, Markdown, Image\ndisplay(HTML('<i>i</i>'), Markdown('*m*'), JSON({'a': 1}))\nThird()",
    );
    expect(results.map((one) => one.raw)).toMatchObject([
      { html: "<i>i</i>" },
      { markdown: "*m*" },
      { json: { a: 1 } },
      { html: "<b>3</b>" },
    ]);
  });

  test("shows a chart of plotly as its specification", async () => {
    // Set-up's second list has it, not the first.
    if ((await run("import plotly")).error) return;
    for (const way of ["figure", "figure.show()", "display(figure)"]) {
      const { results, error } = await run(
        `import plotly.graph_objects as go\nfigure = go.Figure(go.Bar(x=['a'], y=[2]))\n${way}`,
      );
      expect(error).toBeUndefined();
      expect(results).toHaveLength(1);
      expect(results[0]?.json).toMatchObject({ data: [{ type: "bar", x: ["a"], y: [2] }] });
      expect(results[0]?.html?.length ?? 0).toBeLessThan(100_000);
    }
  });

  test("begins as plain Python where nobody imported more, and goes on with all that was there", async () => {
    await using own = await bare(server);
    expect((await own.runCode("import sys\nx = 6\nprint('IPython' in sys.modules)")).logs.stdout).toEqual([
      name === "forked" ? "True\n" : "False\n",
    ]);
    expect((await own.runCode("_ = 'mine'\nx + 1")).text).toBe("7");
    expect((await own.runCode("%who int")).logs.stdout).toEqual(["x\t \n"]);
    expect((await own.runCode("_, _2, Out, In[2]")).text).toBe("('mine', 7, {2: 7}, \"_ = 'mine'\\nx + 1\")");
    expect((await own.runCode("'IPython' in sys.modules")).text).toBe("True");
  });

  test.each([
    "display([1])",
    "get_ipython().run_line_magic('pwd', '')",
    "import IPython; IPython.display.display('seen')",
    "{'a': 1}",
    "who",
  ])("asks for IPython in the middle of the first cell: %s", async (code) => {
    await using own = await bare(server);
    const { error, results } = await own.runCode(`x = 1\n${code === "who" ? "" : code}`);
    expect(error).toBeUndefined();
    expect(results).toHaveLength(code === "who" ? 0 : 1);
    if (code === "who") expect((await own.runCode(code)).logs.stdout).toEqual(["x\t \n"]);
    expect((await own.runCode("import sys; 'IPython' in sys.modules, x, len(In)")).text).toMatch(/^\(True, 1, [34]\)$/);
  });

  test("leaves no thread, no file of its own and no prompt behind", async () => {
    const { text: left } = await run(
      "import os, sys, threading\n[os.listdir('/tmp/.ipython') if os.path.exists('/tmp/.ipython') else [], hasattr(sys, 'ps1'), " +
        "[one.name for one in threading.enumerate() if 'IPython' in one.name or 'Histor' in one.name], [one for one in os.listdir('/home/user') if one.startswith('.')]]",
    );
    expect(left).toBe("[[], False, [], []]");
  });

  test("does not keep what is printed", async () => {
    await run("for _ in range(100): print('x' * 10_000)");
    const kept = "sum(len(str(one)) for one in getattr(get_ipython().history_manager, 'outputs', {}).values())";
    expect((await run(kept)).text).toBe("0");
  });
});

/** A context in which nothing was imported ahead. */
async function bare(server: TestServer): Promise<{ runCode: (code: string) => Promise<Execution> } & AsyncDisposable> {
  const sandbox = await server.create();
  const context = await sandbox.createCodeContext();
  return {
    runCode: async (code) => await sandbox.runCode(code, { context }),
    [Symbol.asyncDispose]: async () => void (await sandbox.kill()),
  };
}
