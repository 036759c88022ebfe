// Which Python set-up takes when this machine's own has tables but makes no notebook.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePython } from "../../scripts/setup/python.mjs";
import { withoutNotebook } from "../sandboxd/pythons.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { servePackages } from "./package_index.ts";
import { closedIndex, project, withIndex } from "./package_project.ts";

// pip alone takes seconds to start on a busy machine.
setDefaultTimeout(60_000);

const own = withoutNotebook();

/** Set-up in this folder, with an index that has IPython, or with none that answers. A room answers as it is told. */
async function ensureIn(
  folder: string,
  { settings = {}, isReachable = true, hasNotebook = true }: Partial<Circumstances> = {},
) {
  using index = servePackages(folder);
  const notebook = index.add("ipython", { "IPython/__init__.py": "" });
  const url = isReachable ? index.url : closedIndex;
  const context = project(join(folder, "p"), url, { notebook: [notebook] });
  const notes: string[] = [];
  const progress = { ...context.progress, note: (text: string) => void notes.push(text) };
  const mine = { ...context, bun: roomThatSays(folder, hasNotebook), settings, progress };
  return { python: await withIndex(url, () => ensurePython(mine, "bwrap")), notes };
}

type Circumstances = {
  readonly settings: Readonly<Record<string, string>>;
  readonly isReachable: boolean;
  readonly hasNotebook: boolean;
};

/** In the place of Bun, which would make a real room: all is well, but perhaps for IPython. */
function roomThatSays(folder: string, hasNotebook: boolean): string {
  const path = join(folder, "bun");
  const refusal = `case "$*" in *IPython*) echo '{"ok":false,"message":"It is too new."}'; exit 1;; esac\n`;
  writeFileSync(path, `#!/bin/sh\necho "$@" >>${folder}/asked\n${hasNotebook ? "" : refusal}echo '{"ok":true}'\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(own === null)("a Python with tables and without IPython", () => {
  test("gets IPython in a folder beside it, once a room was made with both", async () => {
    using folder = temporaryFolder();
    const { python } = await ensureIn(folder.path);
    expect(python.source).toBe("found");
    expect(python.site).toMatch(/\.tools\/notebook-[0-9a-f]{12}\/site$/);
    expect(readFileSync(join(folder.path, "asked"), "utf8")).toContain(`--site ${python.site} --import IPython`);
  });

  test("is taken as it is where PyPI cannot be reached, with a word about it", async () => {
    using folder = temporaryFolder();
    const { python, notes } = await ensureIn(folder.path, { isReachable: false });
    expect(python.site).toBeNull();
    expect(notes).toEqual([expect.stringContaining("cells run as plain Python")]);
  });

  test("is taken as it is where the two do not get along, with a word about it", async () => {
    using folder = temporaryFolder();
    const { python, notes } = await ensureIn(folder.path, { hasNotebook: false });
    expect(python.site).toBeNull();
    expect(notes).toEqual(["It is too new. Until then cells run as plain Python, without IPython."]);
  });

  test("is left alone when a person chose it", async () => {
    using folder = temporaryFolder();
    const settings = { SANDPIPER_PYTHON: own ?? "" };
    expect((await ensureIn(folder.path, { settings })).python.site).toBeNull();
  });
});
