// A project folder with package lists of a test's own, and pip pointed at a test's own index.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../src/shared/config.ts";
import type { WheelFile } from "./package_index.ts";

export const python = { executable: "/usr/bin/python3", minor: 11 };
const quiet = { ready: () => {}, note: () => {}, step: (_: string, work: () => Promise<unknown>) => work() };
export const closedIndex = "http://127.0.0.1:1/simple";

/** A project folder with set-up's scripts and the given package lists. */
export function project(
  root: string,
  index: string,
  lists: { readonly base?: WheelFile[]; readonly more?: WheelFile[]; readonly notebook?: WheelFile[] } = {},
) {
  cpSync(join(ROOT, "scripts/setup"), join(root, "scripts/setup"), { recursive: true });
  const list = (wheels: readonly WheelFile[] = []) =>
    wheels.map(({ project: name, sha256 }) => `${name}==1.0 \\\n    --hash=sha256:${sha256}\n`).join("");
  writeFileSync(join(root, "scripts/setup/python.lock"), list(lists.base));
  writeFileSync(join(root, "scripts/setup/python_more.lock"), list(lists.more));
  writeFileSync(join(root, "scripts/setup/notebook.lock"), list(lists.notebook));
  mkdirSync(join(root, ".tools"), { recursive: true });
  const settings = { PIP_INDEX_URL: index };
  return { root, tools: join(root, ".tools"), home: root, bun: process.execPath, settings, progress: quiet };
}

/** pip reads its index from the environment of this process, as set-up's pip does from its own. */
export async function withIndex<T>(index: string, work: () => Promise<T>): Promise<T> {
  const before = { index: process.env["PIP_INDEX_URL"], links: process.env["PIP_FIND_LINKS"] };
  process.env["PIP_INDEX_URL"] = index;
  process.env["PIP_FIND_LINKS"] = "";
  try {
    return await work();
  } finally {
    restore("PIP_INDEX_URL", before.index);
    restore("PIP_FIND_LINKS", before.links);
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
