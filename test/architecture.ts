// The architecture as rules: pure functions over a map of path → source. Each answers with one sentence a violation.
import { posix } from "node:path";

/** Paths are relative to the project folder, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

/** One import as it is written. `isType` is true only where nothing remains at run time. */
export type Import = { readonly specifier: string; readonly isType: boolean };

/** What a room may import besides itself; a folder ends in a slash, `type ` means `import type` only. */
const MAY_IMPORT: { readonly [room: string]: readonly string[] } = {
  "src/shared/": [],
  // One error class for the whole house: errors.ts does nothing but carry a message.
  "src/planner/": ["type src/shared/", "src/shared/errors.ts"],
  // Words that the page has in common with the chats and the terminal.
  "src/web/": ["type src/shared/", "src/shared/choices.ts"],
  // package.json is where the version is.
  "src/core/": ["src/shared/", "package.json"],
  "src/worker/": ["src/planner/", "src/shared/"],
  "src/sandboxd/": ["config", "errors", "log", "stop", "types"].map((noun) => `src/shared/${noun}.ts`),
  // Attacks start a sandboxd as the product does, and know the numbers of the system calls.
  "src/cli/prove/": [
    "src/shared/",
    ...["launch.ts", "tools.ts", "room/seccomp.ts", "room/syscalls/"].map((part) => `src/sandboxd/${part}`),
  ],
  "src/cli/": ["src/shared/", "src/main.ts"],
  "src/main.ts": ["src/shared/", "src/sandboxd/launch.ts"],
  // What a fake knows is the platform's protocol, so that it cannot agree with a mistake of ours.
  "fakes/": [],
};

const SERVER_ROOMS = ["shared", "planner", "core", "worker", "sandboxd", "cli"].map((room) => `src/${room}/`);

/** Every outside library of src/ and where it lives. `isOneFile`: whichever file of its home it is, no second one. */
const HOMES: { readonly [library: string]: { readonly homes: readonly string[]; readonly isOneFile?: true } } = {
  // The attacks of `prove` come in by the door that everybody uses.
  "@e2b/code-interpreter": { homes: ["src/worker/e2b_client.ts", "src/cli/prove/"] },
  "bun:sqlite": { homes: ["src/shared/db.ts"] },
  // A model is asked in one file, a price is looked up in one.
  ...Object.fromEntries(
    ["ai", "@ai-sdk/anthropic", "@ai-sdk/google", "@ai-sdk/openai", "@ai-sdk/openai-compatible"].map((library) => [
      library,
      { homes: ["src/worker/agent/models.ts"] },
    ]),
  ),
  "@pydantic/genai-prices": { homes: ["src/worker/agent/prices.ts"] },
  grammy: { homes: ["src/core/channels/telegram/"] },
  croner: { homes: ["src/shared/cron.ts"] },
  preact: { homes: ["src/web/"] },
  "@preact/signals": { homes: ["src/web/"] },
  marked: { homes: ["src/web/"], isOneFile: true },
  dompurify: { homes: ["src/web/"], isOneFile: true },
  // A link as a QR code: on the page and in a terminal, two rooms that share no code.
  uqr: { homes: ["src/web/view/qr_code.tsx", "src/cli/qr_code.ts"] },
  zod: { homes: [...SERVER_ROOMS, "src/main.ts"] },
};

/** The programs; what a test does not import must be reached from one of these. */
const ENTRIES = [
  "src/main.ts",
  "src/cli/main.ts",
  "src/core/server.ts",
  "src/worker/worker.ts",
  "src/sandboxd/server.ts",
  "src/sandboxd/probe.ts",
  "src/web/main.tsx",
  "src/web/theme_boot.ts",
] as const;

const MAX_LINES = 400;
const CODE = /\.(ts|tsx)$/;
const FILE_NAME = /^([a-z0-9]+(_[a-z0-9]+)*(\.test|\.d)?\.[a-z]+|__init__\.py)$/;
const EMPTY_NAMES = new Set(["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"]);

/** Imports go down only: every relative import of src/ against the table of rooms. */
export function wrongDirections(sources: Sources): string[] {
  return edges(sources).flatMap(({ from, to, isType }) => {
    const room = Object.keys(MAY_IMPORT).find((one) => isInside(from, one));
    if (room === undefined) return from.startsWith("src/") ? [`${from} is in no room.`] : [];
    const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
    if (allowed.some((one) => isInside(to, one.replace(/^type /, "")) && (isType || !one.startsWith("type "))))
      return [];
    return [
      `${from} imports ${isType ? "types of " : ""}${to}; ${room} may import ${allowed.slice(1).join(", ") || "nothing of ours"}.`,
    ];
  });
}

/** Import cycles, type-only imports included. */
export function cycles(sources: Sources): string[] {
  const targets = neighbours(sources);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) found.push([...trail.slice(start), file].join(" → "));
    if (start >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}

/** Every outside library of src/ is in the table above and is imported from its home only. */
export function strayLibraries(sources: Sources): string[] {
  const users = new Map<string, string[]>();
  const stray = [...sources].flatMap(([file, source]) => {
    if (!file.startsWith("src/") || !CODE.test(file)) return [];
    return readImports(source).flatMap(({ specifier }) => {
      if (specifier.startsWith(".")) return [];
      if (isBuiltIn(specifier)) return isPure(file) ? [`${file} imports ${specifier}; its room has no I/O.`] : [];
      const library = libraryOf(specifier);
      const rule = HOMES[library];
      if (rule === undefined) return [`${file} imports ${library}, which has no home in test/architecture.ts.`];
      if (!rule.homes.some((home) => isInside(file, home)))
        return [`${file} imports ${library}, whose home is ${rule.homes.join(", ")}.`];
      if (rule.isOneFile) users.set(library, [...new Set([...(users.get(library) ?? []), file])]);
      return [];
    });
  });
  const shared = [...users].filter(([, files]) => files.length > 1);
  return [
    ...stray,
    ...shared.map(([library, files]) => `${library} has one home file, but ${files.join(" and ")} import it.`),
  ];
}

/** The planner gets everything handed to it: no I/O, no clock, no chance. */
export function impureCalls(sources: Sources): string[] {
  const impure =
    /(?<![.\w$])(?:Bun|process|fetch|performance|setTimeout|setInterval|Date\.now|Math\.random|new Date\(\))(?![\w$:])/;
  return [...sources].flatMap(([file, source]) => {
    const found = isInside(file, "src/planner/") ? impure.exec(mask(source).text) : null;
    return found === null ? [] : [`${file} uses ${found[0]}; the planner is pure.`];
  });
}

/** Only config.ts reads the environment. */
export function environmentReaders(sources: Sources): string[] {
  const reads = /\b(?:process|Bun)\.env\b|\bimport\.meta\.env\b/;
  return [...sources]
    .filter(([file, source]) => file.startsWith("src/") && CODE.test(file) && reads.test(mask(source).text))
    .filter(([file]) => file !== "src/shared/config.ts")
    .map(([file]) => `${file} reads the environment; only src/shared/config.ts may.`);
}

/** No file of ours, in any language, is longer than 400 lines. */
export function longFiles(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const lines = source.replace(/\n$/, "").split("\n").length;
    return lines > MAX_LINES ? [`${file} has ${lines} lines; ${MAX_LINES} is the most.`] : [];
  });
}

/** Every module of src/ is reached from a test or a program: coverage does not count what nobody imports. */
export function unreached(sources: Sources, entries: readonly string[] = ENTRIES): string[] {
  const targets = neighbours(sources);
  const seen = new Set<string>();
  const queue = [...sources.keys()].filter((file) => entries.includes(file) || file.endsWith(".test.ts"));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    queue.push(...(targets.get(file) ?? []));
  }
  const lost = [...sources.keys()].filter(
    (file) => file.startsWith("src/") && CODE.test(file) && !file.endsWith(".d.ts") && !seen.has(file),
  );
  return lost.map((file) => `${file} is reached by no test and no program.`);
}

/** One word or snake_case, and a noun that says something. */
export function oddNames(sources: Sources): string[] {
  return [...sources.keys()].flatMap((file) => {
    const words = file.replace(/\.\w+$/, "").split(/[/_.]/);
    const empty = words.find((word) => EMPTY_NAMES.has(word));
    if (empty !== undefined) return [`${file} is named "${empty}", which says nothing.`];
    return FILE_NAME.test(posix.basename(file)) ? [] : [`${file} is neither one word nor snake_case.`];
  });
}

/**
 * Every import, `export … from`, `import()` and `require()` of a source with a literal specifier, type-only ones included:
 * Bun.Transpiler's scanImports leaves those out.
 */
export function readImports(source: string): Import[] {
  const { text, strings } = mask(source);
  const statement = /(?<![.\w$])(?:import|export)\b(?<clause>[\w$*{},\s]*?)\bfrom\s*"(?<from>\d+)"/g;
  const direct = /(?<![.\w$])(?:import\s*\(?|require\s*\()\s*"(?<from>\d+)"/g;
  return [...text.matchAll(statement), ...text.matchAll(direct)].flatMap(({ groups }) => {
    const specifier = strings[Number(groups?.["from"])];
    if (specifier === undefined) return [];
    return [{ specifier, isType: /^\s+type\s+[\w$*{]/.test(groups?.["clause"] ?? "") }];
  });
}

/** The source without comments, templates and regular expressions; each string is its index in `strings`. */
function mask(source: string): { text: string; strings: string[] } {
  const strings: string[] = [];
  const comment = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`;
  const template = String.raw`\x60(?:\\[\s\S]|[^\x60\\])*\x60`;
  const expression = String.raw`(?<=(?:[(,=:[!&|?{;>]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/`;
  const string = String.raw`"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'`;
  const text = source.replace(
    new RegExp([comment, template, expression, string].join("|"), "g"),
    (_whole, double: string | undefined, single: string | undefined) => {
      const content = double ?? single;
      return content === undefined ? " " : `"${strings.push(content) - 1}"`;
    },
  );
  return { text, strings };
}

function edges(sources: Sources): { from: string; to: string; isType: boolean }[] {
  return [...sources].flatMap(([from, source]) => {
    if (!CODE.test(from)) return [];
    const relative = readImports(source).filter(({ specifier }) => specifier.startsWith("."));
    return relative.map(({ specifier, isType }) => ({ from, to: posix.join(posix.dirname(from), specifier), isType }));
  });
}

function neighbours(sources: Sources): Map<string, string[]> {
  const targets = new Map([...sources.keys()].map((file): [string, string[]] => [file, []]));
  for (const { from, to } of edges(sources)) targets.get(from)?.push(to);
  return targets;
}

function isInside(file: string, place: string): boolean {
  return place.endsWith("/") ? file.startsWith(place) : file === place;
}

function isPure(file: string): boolean {
  return isInside(file, "src/planner/") || isInside(file, "src/web/");
}

function isBuiltIn(specifier: string): boolean {
  return specifier.startsWith("node:") || specifier === "bun";
}

function libraryOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
