// Packages that the owner adds: resolved without running them, tried before they join, kept by the next set-up.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addPackages, readAdded, removePackages } from "../../scripts/setup/added_packages.mjs";
import { PIP } from "../../scripts/setup/pip.mjs";
import { installPackages } from "../../scripts/setup/python_packages.mjs";
import { resolve } from "../../scripts/setup/resolve_packages.mjs";
import { downloadWheel } from "../../scripts/setup/wheel.mjs";
import { ROOT } from "../../src/shared/config.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { servePackages, type PackageIndex } from "./package_index.ts";
import { project, python, withIndex } from "./package_project.ts";

setDefaultTimeout(90_000);

type Verify = (site: string, modules: readonly string[]) => Promise<string | null>;
const isFine: Verify = async () => Promise.resolve(null);

/** A project whose base list is `base`, with the pip that resolves. */
async function openProject(folder: string, index: PackageIndex) {
  const base = index.add("base", { "base/__init__.py": "", "both/base.py": "" });
  const context = project(join(folder, "p"), index.url, { base: [base] });
  const pip = await downloadWheel({ ...context, tools: join(ROOT, ".tools"), settings: {} }, PIP);
  cpSync(pip, join(context.tools, PIP.file));
  const site = await withIndex(index.url, () => installPackages(context, python));
  const there = { ...python, site };
  const add = async (wishes: readonly string[], verify: Verify = isFine) =>
    await withIndex(index.url, async () => {
      const packages = await resolve(context, there, wishes);
      await addPackages(context, there, { wishes, packages }, verify);
      return packages.map(({ name }) => name).toSorted();
    });
  const messageOf = async (wish: string, verify: Verify = isFine): Promise<string> =>
    await add([wish], verify).then(
      () => "",
      (error: Error) => error.message,
    );
  return { context, there, site, add, messageOf };
}

const names = (site: string): string[] =>
  readdirSync(site)
    .filter((name) => !name.startsWith("__"))
    .toSorted();

describe("a package that is added", () => {
  test("brings what it needs and is tried first; the next set-up has it again", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const { context, site, add } = await openProject(folder.path, index);
    index.add("Wanted_Thing", { "wanted/__init__.py": "raise SystemExit(3)\n", "both/wanted.py": "" }, [
      "needed",
      "base",
      "left; extra == 'x'",
    ]);
    index.add("needed", { "needed.py": "" });
    index.add("left", { "left.py": "" });
    const tried: unknown[] = [];
    const verify = async (copy: string, modules: readonly string[]): Promise<null> => {
      tried.push(
        modules,
        existsSync(join(copy, "base")),
        existsSync(join(copy, "needed.py")),
        existsSync(join(site, "needed.py")),
      );
      return await Promise.resolve(null);
    };
    expect(await add(["wanted-thing"], verify)).toEqual(["Wanted_Thing", "needed"]);
    expect(tried).toEqual([["wanted"], true, true, false]);
    expect(
      readdirSync(join(site, "both"))
        .filter((name) => name.endsWith(".py"))
        .toSorted(),
    ).toEqual(["base.py", "wanted.py"]);
    expect(readdirSync(join(site, "..")).filter((name) => /part|copy/.test(name))).toEqual([]);

    const other = index.add("other", { "other.py": "" });
    writeFileSync(
      join(context.root, "scripts/setup/python.lock"),
      `other==1.0 \\\n    --hash=sha256:${other.sha256}\n`,
    );
    const next = await withIndex(index.url, () => installPackages(context, python));
    expect(next).not.toBe(site);
    expect(names(next).filter((name) => !name.endsWith("info"))).toEqual(["both", "needed.py", "other.py", "wanted"]);
  });

  test("that does not work, would replace something or comes without a wheel changes nothing", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const { context, site, messageOf } = await openProject(folder.path, index);
    const before = names(site);
    index.add("broken", { "broken/__init__.py": "" });
    index.add("json", { "json/__init__.py": "" });
    index.add("custom", { "sitecustomize.py": "" });
    index.add("rival", { "base/__init__.py": "other" });
    index.add("demanding", { "demanding.py": "" }, ["base==2.0"]);
    expect(await messageOf("broken", async () => Promise.resolve("it is broken."))).toBe(
      "broken does not work in the sandbox: it is broken.",
    );
    expect(await messageOf("json")).toContain("“json”");
    expect(await messageOf("custom")).toContain("“sitecustomize.py”");
    expect(await messageOf("rival")).toContain("“base”");
    expect(await messageOf("demanding")).toContain("other versions of packages");
    expect(await messageOf("nowhere")).toContain("no package nowhere");
    expect(names(site)).toEqual(before);
    expect(readFileSync(join(site, "base/__init__.py"), "utf8")).toBe("");
    expect(readAdded(context)).toEqual([]);
    expect(readdirSync(context.tools).filter((name) => name.includes("part"))).toEqual([]);
  });

  test("is resolved without running what was added before", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const { add } = await openProject(folder.path, index);
    const trace = join(folder.path, "was-run");
    const evil = `open(${JSON.stringify(trace)}, 'w')\n`;
    index.add("evil", {
      "evil.py": evil,
      "evil.pth": `import evil\n`,
      "pip/__init__.py": evil,
      "pip/__main__.py": evil,
      // Where a system would tell pip which wheels it takes.
      "_manylinux.py": evil,
    });
    index.add("later", { "later.py": "" });
    await add(["evil"]);
    await add(["later"]);
    expect(existsSync(trace)).toBe(false);
  });

  test("goes with what only it needed", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const { context, there, site, add } = await openProject(folder.path, index);
    index.add("one", { "one/__init__.py": "", "one/part.py": "" }, ["mine", "ours", "base"]);
    index.add("two", { "two.py": "" }, ["ours"]);
    index.add("mine", { "mine.py": "" });
    index.add("ours", { "ours.py": "" });
    await add(["one"]);
    await add(["two"]);
    expect(removePackages(context, there, ["One"]).map(({ name }) => name)).toEqual(["one", "mine"]);
    expect(names(site).filter((name) => !name.endsWith("info"))).toEqual(["base", "both", "ours.py", "two.py"]);
    expect(readAdded(context).map(({ wish, packages }) => [wish, ...packages.map(({ name }) => name)])).toEqual([
      ["two", "two", "ours"],
    ]);
    expect(() => removePackages(context, there, ["one"])).toThrow("one was not added here.");
    removePackages(context, there, ["two"]);
    expect(names(site).filter((name) => !name.endsWith("info"))).toEqual(["base", "both"]);
  });

  test("that cannot be had again does not stop set-up", async () => {
    using folder = temporaryFolder();
    using index = servePackages(folder.path);
    const { context, add } = await openProject(folder.path, index);
    const wheel = index.add("fragile", { "fragile.py": "" });
    await add(["fragile"]);
    index.replace(wheel, "something else");
    const other = index.add("other", { "other.py": "" });
    writeFileSync(
      join(context.root, "scripts/setup/python.lock"),
      `other==1.0 \\\n    --hash=sha256:${other.sha256}\n`,
    );
    const notes: string[] = [];
    const telling = { ...context, progress: { ...context.progress, note: (text: string) => void notes.push(text) } };
    const next = await withIndex(index.url, () => installPackages(telling, python));
    expect(existsSync(join(next, "other.py"))).toBe(true);
    expect(notes.join("")).toContain("bun run python -- add fragile");
    expect(readAdded(context).map(({ wish }) => wish)).toEqual(["fragile"]);
  });
});
