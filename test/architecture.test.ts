// The tree keeps the rules of test/architecture.ts, and every rule is able to fail.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as architecture from "./architecture.ts";

const ROOT = resolve(import.meta.dir, "..");

function readTree(): Map<string, string> {
  const files = new Bun.Glob("{src,test,scripts,bench,fakes}/**/*.{ts,tsx,mjs,py,css,sql}").scanSync({ cwd: ROOT });
  return new Map([...files].toSorted().map((file) => [file, readFileSync(resolve(ROOT, file), "utf8")]));
}

function planted(files: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(files));
}

function guestOf(lines: number): Map<string, string> {
  return planted({ "src/sandboxd/guest/agent.py": "pass\n".repeat(lines) });
}

function specifiers(source: string): string[] {
  return architecture.readImports(source).map((one) => one.specifier);
}

function isType(source: string): boolean[] {
  return architecture.readImports(source).map((one) => one.isType);
}

describe("the tree", () => {
  const tree = readTree();

  test("is seen: no import that Bun's own scanner finds is missed", () => {
    const modules = [...tree].filter(([file]) => /\.tsx?$/.test(file));
    const found = modules.flatMap(([file, source]) => {
      const scanner = new Bun.Transpiler({ loader: file.endsWith("x") ? "tsx" : "ts" });
      const ours = new Set(specifiers(source));
      // What JSX is compiled to shows up as a call of require.
      return scanner.scanImports(source).filter(({ kind, path }) => kind !== "require-call" && !ours.has(path));
    });
    expect(modules.length).toBeGreaterThan(20);
    expect(found).toEqual([]);
  });

  test("imports downwards only", () => expect(architecture.wrongDirections(tree)).toEqual([]));
  test("has no import cycle", () => expect(architecture.cycles(tree)).toEqual([]));
  test("imports each outside library from its home", () => expect(architecture.strayLibraries(tree)).toEqual([]));
  test("has a planner without I/O, clock and chance", () => expect(architecture.impureCalls(tree)).toEqual([]));
  test("reads the environment in one file", () => expect(architecture.environmentReaders(tree)).toEqual([]));
  test("has no file over 400 lines", () => expect(architecture.longFiles(tree)).toEqual([]));
  test("has no module that nothing reaches", () => expect(architecture.unreached(tree)).toEqual([]));
  test("names files by one word or snake_case", () => expect(architecture.oddNames(tree)).toEqual([]));
});

describe("the reader of imports", () => {
  test("sees every way to import", () => {
    const source = [
      `import "./effect.ts";`,
      `import whole, { part } from './default.ts';`,
      `import * as all from "./star.ts"`,
      `import {\n  one,\n  two,\n} from "./lines.ts";`,
      `import text from "./guest.py" with { type: "text" };`,
      `export * from "./again.ts";`,
      `export { one } from "./named.ts";`,
      `const later = await import("./later.ts");`,
      `type Shape = import("./shape.ts").Shape;`,
      `const old = require("./old.ts");`,
    ].join("\n");
    expect(specifiers(source).toSorted()).toEqual(
      ["again", "default", "effect", "guest", "later", "lines", "named", "old", "shape", "star"].map((name) =>
        name === "guest" ? "./guest.py" : `./${name}.ts`,
      ),
    );
  });

  test("tells what is gone at run time from what stays", () => {
    expect(isType(`import type {\n  A,\n  B,\n} from "./a.ts";`)).toEqual([true]);
    expect(isType(`export type { A } from "./a.ts";`)).toEqual([true]);
    expect(isType(`import { type A } from "./a.ts";`)).toEqual([false]);
    expect(isType(`import type from "./a.ts";`)).toEqual([false]);
  });

  test("is not fooled by comments, strings, templates and regular expressions", () => {
    const source = [
      `// import "./comment.ts"`,
      `/* import a from "./block.ts" */`,
      `const python = 'import a from "./string.ts"';`,
      'const page = `import a from "./template.ts"`;',
      "const quote = text.replace(/[`'\"]/g, '');",
      `import real from "./real.ts";`,
      `importer("./call.ts");`,
    ].join("\n");
    expect(specifiers(source)).toEqual(["./real.ts"]);
  });
});

describe("a planted violation is found:", () => {
  test.each([
    ["core imports worker", "src/core/inbox.ts", `import { claim } from "../worker/worker.ts";`],
    ["shared imports core", "src/shared/jobs.ts", `import type { Route }\n  from "../core/routes.ts";`],
    ["worker imports core's types", "src/worker/worker.ts", `import type {\n  Live,\n} from "../core/live.ts";`],
    ["planner imports a value of shared", "src/planner/plan.ts", `import { systemClock } from "../shared/clock.ts";`],
    ["web imports a value of shared", "src/web/app.tsx", `import { JobInput } from "../shared/types.ts";`],
    ["sandboxd imports the database", "src/sandboxd/server.ts", `import { open } from "../shared/db.ts";`],
    ["somebody imports sandboxd", "src/worker/worker.ts", `const room = await import("../sandboxd/room/pool.ts");`],
    ["main imports more of sandboxd than its start", "src/main.ts", `import { serve } from "./sandboxd/server.ts";`],
    ["cli imports the worker", "src/cli/ask.ts", `export { run } from "../worker/worker.ts";`],
    ["the product imports its tests", "src/core/inbox.ts", `import { fake } from "../../test/fake.ts";`],
    ["a fake imports the product", "fakes/graph/server.ts", `import { now } from "../../src/shared/clock.ts";`],
    ["a file is in no room", "src/extra/thing.ts", `import { now } from "../shared/clock.ts";`],
  ])("%s", (_name, file, source) => {
    expect(architecture.wrongDirections(planted({ [file]: source }))).toHaveLength(1);
  });

  test("what the table allows is left alone", () => {
    const allowed = planted({
      "src/core/server.ts": `import { openDb } from "../shared/db.ts"; import { routes } from "./routes.ts";`,
      "src/worker/worker.ts": `import { plan } from "../planner/plan.ts";`,
      "src/planner/plan.ts": `import type { Job } from "../shared/types.ts"; import template from "./bar.py" with { type: "text" };`,
      "src/cli/main.ts": `import { start } from "../main.ts";`,
      "src/main.ts": `import { launch } from "./sandboxd/launch.ts";`,
    });
    expect(architecture.wrongDirections(allowed)).toEqual([]);
  });

  test("a cycle of types alone", () => {
    const files = planted({
      "src/core/a.ts": `import type { B } from "./b.ts";`,
      "src/core/b.ts": `import type { C } from "./c.ts";`,
      "src/core/c.ts": `export type { A } from "./a.ts";`,
      "src/core/outside.ts": `import { a } from "./a.ts";`,
    });
    expect(architecture.cycles(files)).toEqual(["src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts"]);
  });

  test.each([
    ["a library away from its home", "src/core/server.ts", `import { Sandbox } from "@e2b/code-interpreter";`],
    ["the database driver in a second file", "src/shared/jobs.ts", `import type { Database } from "bun:sqlite";`],
    ["a library that has no home", "src/core/server.ts", `import { Hono } from "hono/tiny";`],
    ["a built-in module without its prefix", "src/core/server.ts", `import { readFileSync } from "fs";`],
    ["zod in the dashboard", "src/web/app.tsx", `import { z } from "zod";`],
    ["a file system in the planner", "src/planner/plan.ts", `import { readFileSync } from "node:fs";`],
  ])("%s", (_name, file, source) => {
    expect(architecture.strayLibraries(planted({ [file]: source }))).toHaveLength(1);
  });

  test("a second file that renders Markdown", () => {
    const files = planted({
      "src/web/a.ts": `import { marked } from "marked";`,
      "src/web/b.ts": `import { Lexer } from "marked";`,
    });
    expect(architecture.strayLibraries(files)).toEqual([
      "marked has one home file, but src/web/a.ts and src/web/b.ts import it.",
    ]);
  });

  test.each(["Date.now()", "new Date()", "Math.random()", "await fetch(url)", "Bun.file(name)", "process.cwd()"])(
    "the planner calls %s",
    (call) => {
      expect(architecture.impureCalls(planted({ "src/planner/plan.ts": `const x = ${call};` }))).toHaveLength(1);
      expect(architecture.impureCalls(planted({ "src/planner/plan.ts": `// ${call}\nconst x = "${call}";` }))).toEqual(
        [],
      );
      expect(architecture.impureCalls(planted({ "src/core/live.ts": `const x = ${call};` }))).toEqual([]);
    },
  );

  test("the environment read outside config.ts", () => {
    const source = `const key = process.env["E2B_API_KEY"];`;
    expect(architecture.environmentReaders(planted({ "src/core/server.ts": source }))).toHaveLength(1);
    expect(
      architecture.environmentReaders(planted({ "src/shared/config.ts": source, "bench/main.ts": source })),
    ).toEqual([]);
  });

  test("a file of 401 lines", () => {
    expect(architecture.longFiles(guestOf(400))).toEqual([]);
    expect(architecture.longFiles(guestOf(401))).toEqual([
      "src/sandboxd/guest/agent.py has 401 lines; 400 is the most.",
    ]);
  });

  test("a module that only a module nobody reaches imports", () => {
    const files = planted({
      "src/main.ts": `import { a } from "./shared/a.ts";`,
      "src/shared/a.ts": "",
      "src/shared/tested.ts": "",
      "src/shared/lost.ts": `import "./lost_too.ts";`,
      "src/shared/lost_too.ts": "",
      "test/shared/tested.test.ts": `import { tested } from "../../src/shared/tested.ts";`,
    });
    expect(architecture.unreached(files)).toEqual([
      "src/shared/lost.ts is reached by no test and no program.",
      "src/shared/lost_too.ts is reached by no test and no program.",
    ]);
  });

  test.each([
    "src/core/jobView.ts",
    "src/core/job-view.ts",
    "src/core/Live.ts",
    "src/shared/utils.ts",
    "src/core/helpers/date.ts",
    "src/worker/sandbox_manager.ts",
    "test/common.ts",
  ])("the name %s", (file) => {
    expect(architecture.oddNames(planted({ [file]: "" }))).toHaveLength(1);
  });

  test("good names are left alone", () => {
    const files = [
      "src/worker/e2b_client.ts",
      "src/shared/db.ts",
      "src/shared/migrations/0001_jobs.sql",
      "test/shared/log.test.ts",
    ];
    expect(architecture.oddNames(planted(Object.fromEntries(files.map((file) => [file, ""]))))).toEqual([]);
  });
});
