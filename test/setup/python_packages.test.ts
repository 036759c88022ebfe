// Packages by hash into the project folder: downloaded, merged, refused.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { addMore, installNotebook, installPackages, lacksMore } from "../../scripts/setup/python_packages.mjs";
import { downloadWheel, unzip } from "../../scripts/setup/wheel.mjs";
import { temporaryFolder } from "../shared/temporary.ts";
import { servePackages } from "./package_index.ts";
import { closedIndex, project, python, withIndex } from "./package_project.ts";

// pip alone takes seconds to start on a busy machine.
setDefaultTimeout(60_000);

describe("the sandbox's packages", () => {
  test("are installed once, compiled with the room's paths, and joined by the second list", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const base = index.add("alpha", { "alpha/__init__.py": "x = 1\n", "shared/one.py": "" });
    const more = index.add("beta", { "beta/__init__.py": "y = 2\n", "shared/two.py": "" });
    const context = project(join(folder.path, "p"), index.url, { base: [base], more: [more] });
    const site = await withIndex(index.url, () => installPackages(context, python));
    expect(readdirSync(site).toSorted()).toEqual(["alpha", "alpha-1.0.dist-info", "shared"]);
    const compiled = readdirSync(join(site, "alpha/__pycache__")).find((name) => name.endsWith(".pyc")) ?? "";
    expect(readFileSync(join(site, "alpha/__pycache__", compiled), "latin1")).toContain("/opt/python/site/alpha");

    const found = { source: "pypi", site, ...python };
    expect(lacksMore(found)).toBe(true);
    await withIndex(index.url, () => addMore(context, found));
    expect(lacksMore(found)).toBe(false);
    expect(readdirSync(join(site, "shared")).toSorted()).toEqual(["__pycache__", "one.py", "two.py"]);
    expect(existsSync(join(site, "beta/__init__.py"))).toBe(true);
    expect(readdirSync(join(site, "..")).toSorted()).toEqual(["more.done", "site"]);

    const asked = index.requests.length;
    expect(await withIndex(index.url, () => installPackages(context, python))).toBe(site);
    expect(index.requests).toHaveLength(asked);
  });

  test("that make a notebook of a Python with tables are installed once, in a folder beside its own", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const notebook = index.add("ipython", { "IPython/__init__.py": "" });
    const context = project(join(folder.path, "p"), index.url, { notebook: [notebook] });
    const site = await withIndex(index.url, () => installNotebook(context, python));
    expect(readdirSync(site).toSorted()).toEqual(["IPython", "ipython-1.0.dist-info"]);
    expect(site).toMatch(/\.tools\/notebook-[0-9a-f]{12}\/site$/);
    const asked = index.requests.length;
    expect(await withIndex(index.url, () => installNotebook(context, python))).toBe(site);
    expect(index.requests).toHaveLength(asked);
  });

  test("that make a notebook and cannot be reached leave nothing behind", async () => {
    using folder = temporaryFolder();
    const wheel = { project: "ipython", file: "ipython-1.0-py3-none-any.whl", sha256: "0".repeat(64) };
    const context = project(join(folder.path, "p"), closedIndex, { notebook: [wheel] });
    const installing = withIndex(closedIndex, () => installNotebook(context, python));
    expect(await installing.catch((error: Error) => error.message)).toContain("PyPI cannot be reached");
    expect(readdirSync(context.tools, { recursive: true }).filter((name) => String(name).includes("site"))).toEqual([]);
  }, 20_000);

  test("with other bytes than the list says are refused, and leave nothing behind", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const wheel = index.add("alpha", { "alpha/__init__.py": "" });
    const context = project(join(folder.path, "p"), index.url, { base: [{ ...wheel, sha256: "0".repeat(64) }] });
    const installing = withIndex(index.url, () => installPackages(context, python));
    expect(await installing.catch((error: Error) => error.message)).toStartWith(
      "pip could not install the Python packages",
    );
    const left = readdirSync(context.tools, { recursive: true }).filter((name) => /alpha|part/.test(String(name)));
    expect(left).toEqual([]);
  });

  test("that cannot be reached are a sentence within seconds", async () => {
    using folder = temporaryFolder();
    const wheel = { project: "alpha", file: "alpha-1.0-py3-none-any.whl", sha256: "0".repeat(64) };
    const context = project(join(folder.path, "p"), closedIndex, { base: [wheel] });
    const installing = withIndex(closedIndex, () => installPackages(context, python));
    expect(await installing.catch((error: Error) => error.message)).toBe(
      "The Python packages could not be downloaded: PyPI cannot be reached from here.",
    );
  }, 20_000);

  test("make a new folder when the list changes, and the old one goes", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const [alpha, beta] = [index.add("alpha", { "alpha.py": "" }), index.add("beta", { "beta.py": "" })];
    const root = join(folder.path, "p");
    const first = await withIndex(index.url, () =>
      installPackages(project(root, index.url, { base: [alpha] }), python),
    );
    const second = await withIndex(index.url, () =>
      installPackages(project(root, index.url, { base: [beta] }), python),
    );
    expect([existsSync(first), existsSync(join(second, "beta.py"))]).toEqual([false, true]);
  });
});

describe.each(["json", "html"] as const)("a wheel from an index that speaks %s", (style) => {
  test("is fetched, checked, and unpacked with its permissions", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path, style);
    const long = "line of a text that is worth deflating\n".repeat(500);
    const wheel = index.add("tool", { "tool/run": long, "tool/empty": "" });
    const context = project(join(folder.path, "p"), index.url);
    const path = await downloadWheel(context, wheel);
    unzip(path, join(folder.path, "out"));
    expect(readFileSync(join(folder.path, "out/tool/run"), "utf8")).toBe(long);
    expect(statSync(join(folder.path, "out/tool/empty")).size).toBe(0);
    expect(statSync(join(folder.path, "out/tool/run")).mode & 0o777).toBe(0o644);
  });
});

describe("a wheel", () => {
  test("with other bytes is thrown away", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const wheel = index.add("tool", { "tool/run": "" });
    const context = project(join(folder.path, "p"), index.url);
    index.replace(wheel, "something else");
    expect(await downloadWheel(context, wheel).catch((error: Error) => error.message)).toContain(
      "other bytes than expected",
    );
    expect(existsSync(join(context.tools, wheel.file))).toBe(false);
  });

  test("that cannot be reached is a sentence", async () => {
    using folder = temporaryFolder();
    const context = project(join(folder.path, "p"), closedIndex);
    const wheel = { project: "tool", file: "tool-1.0-py3-none-any.whl", sha256: "0".repeat(64) };
    const message = await downloadWheel(context, wheel).catch((error: Error) => error.message);
    expect(message).toBe(
      `${wheel.file} could not be downloaded: the Python package index cannot be reached from here.`,
    );
  });
});
