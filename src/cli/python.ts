// `bun run python -- add NAME`: Python packages for the sandboxes of this machine, beyond those that set-up brings.
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadConfig, readEnvironment, ROOT } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { printable, printableLine } from "./printable.ts";

export const usage = `python add NAME[==VERSION] …    add Python packages to the sandbox, after a look at what they bring
    --yes         add them without a question
  python remove NAME …           take added packages away
  python list [--json]           what was added, and all that is there`;

const MAX_NAMES = 20;
/** A project name (PEP 508) and at most one exact version (PEP 440); nothing that pip could take for an option or an address. */
const WISH = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:==[A-Za-z0-9][A-Za-z0-9.!+_-]{0,48})?$/;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;

const Package = z.object({ name: z.string(), version: z.string() });
const Locked = Package.extend({ sha256: z.string(), file: z.string() });
const Failed = z.object({ ok: z.literal(false), message: z.string(), fix: z.string() });
const Plan = z.object({ ok: z.literal(true), packages: z.array(Locked) });
const Added = z.object({ ok: z.literal(true), added: z.array(z.string()) });
const Removed = z.object({ ok: z.literal(true), removed: z.array(Package) });
const Listed = z.object({
  ok: z.literal(true),
  added: z.array(z.object({ wish: z.string(), packages: z.array(Package) })),
  packages: z.array(Package),
});

const ACTIONS: { readonly [action: string]: (args: string[]) => Promise<number> } = { add, remove, list };

export async function python([action = "", ...args]: readonly string[]): Promise<number> {
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (run === undefined) throw new AppError("bad_request", `Say add, remove or list.\n\n  ${usage}`);
  return await run(args);
}

async function add(args: string[]): Promise<number> {
  const options = { yes: { type: "boolean", default: false } } as const;
  const { values, positionals: wishes } = parseArgs({ args, allowPositionals: true, options });
  checkNames(wishes, WISH, "add");
  checkPlace();
  const { packages } = await change(Plan, "plan", { wishes });
  const isNew = (wish: string): boolean => packages.some((one) => plainName(one.name) === plainName(wish));
  for (const wish of wishes.filter((one) => !isNew(one))) console.log(`${printableLine(wish)} is there already.`);
  const news = wishes.filter(isNew);
  if (news.length === 0) return 0;
  const named = packages.map(({ name, version }) => `${name} ${version}`).join(", ");
  console.log(printableLine(`From the package index: ${named}`));
  if (!values.yes && !(await agrees())) {
    console.log("Nothing was changed.");
    return 1;
  }
  await change(Added, "add", { wishes: news, packages });
  console.log(`Added: ${printableLine(news.join(", "))}. Sandboxes that start from now on have it.`);
  return 0;
}

/** As the package index compares names (PEP 503), without a version. */
function plainName(wish: string): string {
  return (wish.split("==")[0] ?? "").toLowerCase().replace(/[-_.]+/g, "-");
}

async function remove(args: string[]): Promise<number> {
  const { positionals: names } = parseArgs({ args, allowPositionals: true, options: {} });
  checkNames(names, NAME, "remove");
  checkPlace();
  const { removed } = await change(Removed, "remove", { names });
  console.log(printableLine(`Removed: ${removed.map(({ name }) => name).join(", ")}.`));
  return 0;
}

async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
  checkPlace();
  const { added, packages } = await change(Listed, "list", {});
  const sorted = packages.toSorted((a, b) => a.name.localeCompare(b.name));
  if (values.json) console.log(JSON.stringify({ added, packages: sorted }));
  else {
    const mine = added.map(({ wish }) => wish).join(", ");
    console.log(printable(`Added by you: ${mine || "nothing"}`));
    console.log(printable(`All ${sorted.length}: ${sorted.map((one) => `${one.name} ${one.version}`).join(", ")}`));
  }
  return 0;
}

function checkNames(names: readonly string[], form: RegExp, action: string): void {
  if (names.length === 0)
    throw new AppError(
      "bad_request",
      `Which package is to be ${action === "add" ? "added" : "removed"}?\n\n  ${usage}`,
    );
  if (names.length > MAX_NAMES) throw new AppError("bad_request", `At most ${MAX_NAMES} packages at once.`);
  const wrong = names.find((name) => !form.test(name));
  if (wrong !== undefined)
    throw new AppError(
      "bad_request",
      `“${printableLine(wrong)}” is no name of a package. Say NAME${action === "add" ? " or NAME==VERSION" : ""}.`,
    );
}

/** Only where set-up made the sandbox's Python can anything be added to it. */
function checkPlace(): void {
  const config = loadConfig(readEnvironment());
  if (config.sandbox !== "local")
    throw new AppError(
      "unsupported",
      "The code runs in E2B's cloud; what its Python has is decided by the template there.",
    );
  if (config.python !== "")
    throw new AppError(
      "unsupported",
      `SANDPIPER_PYTHON names your own Python, ${printableLine(config.python)}: install packages there.`,
    );
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new AppError("bad_request", "Nobody can be asked here. To add them without a question: --yes");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question("They run inside sandboxes only, never on this machine. Add them? [y/N] ");
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** Set-up's own program does the work: it knows where everything is, and holds the lock of the folder. */
async function change<Shape extends z.ZodType>(
  shape: Shape,
  action: string,
  request: object,
): Promise<z.output<Shape>> {
  const child = Bun.spawn([process.execPath, join(ROOT, "scripts/setup/change_python.mjs"), action], {
    cwd: ROOT,
    stdin: new Blob([JSON.stringify(request)]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const said: unknown = JSON.parse(await new Response(child.stdout).text());
  const failed = Failed.safeParse(said);
  if (failed.success)
    throw new AppError(
      "unavailable",
      `${failed.data.message}${failed.data.fix === "" ? "" : `\nWhat helps: ${failed.data.fix}`}`,
    );
  return shape.parse(said);
}
