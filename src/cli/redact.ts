// A log line as a stranger may read it: what our programs say about themselves stays, what anybody wrote goes. Everything
// that is not known to be harmless is replaced by its length.
import { relative } from "node:path";
import { z } from "zod";
import { ERROR_CODES } from "../shared/errors.ts";
import { parseJson } from "../shared/rows.ts";
import { JOB_STATES, JOB_TYPES } from "../shared/types.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** Phone numbers and the ids of people in chats are longer. */
const MAX_NUMBER = 10_000_000;
const MAX_ITEMS = 20;
const MAX_DEPTH = 6;

/** Fields that hold one of a few words. */
const WORDS: { readonly [field: string]: readonly string[] } = {
  process: ["main", "core", "worker", "sandboxd"],
  child: ["core", "worker", "sandboxd"],
  level: ["debug", "info", "warn", "error"],
  sandbox: ["local", "e2b"],
  provider: ["local", "e2b"],
  signal: ["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGTRAP"],
  type: JOB_TYPES,
  state: JOB_STATES,
  error: ERROR_CODES,
};
const PROCESSES = z.looseObject({ process: z.enum(["main", "core", "worker", "sandboxd"]), event: z.string() });

/** `root` is the project folder: places in our own source stay. Never throws. */
export function redactLine(line: string, root: string): string {
  const parsed = PROCESSES.safeParse(parseJson(line));
  if (parsed.success) return JSON.stringify(redactFields(parsed.data, root, 0));
  return redactFrame(line, root) ?? lengthOf(line);
}

/** A line's own fields are named by our programs; what is inside of them may be keyed by anything. */
const INNER = ["name", "message", "stack", "code", "errno", "syscall", "detail", "cause", "errors", "count"];

function redactFields(fields: object, root: string, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]: [string, unknown]): [string, unknown] => [
    (depth === 0 && /^[a-z_]{1,30}$/i.test(name)) || knows(INNER, name) ? name : lengthOf(name),
    redactValue(name, value, root, depth),
  ]);
  return Object.fromEntries(entries);
}

function redactValue(field: string, value: unknown, root: string, depth: number): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Math.abs(value) < MAX_NUMBER ? value : "(number)";
  if (typeof value === "string") return redactText(field, value, root);
  if (typeof value !== "object" || depth > MAX_DEPTH) return "…";
  if (Array.isArray(value))
    return value.slice(0, MAX_ITEMS).map((one: unknown) => redactValue(field, one, root, depth + 1));
  return redactFields(value, root, depth + 1);
}

function redactText(field: string, text: string, root: string): unknown {
  if (WORDS[field]?.includes(text) === true || UUID.test(text) || (field === "at" && MOMENT.test(text))) return text;
  if (field === "event" && /^[a-z]+(-[a-z]+){1,4}$/.test(text)) return text;
  // Of a system's or SQLite's error: ENOENT, SQLITE_FULL.
  if (field === "code" && (/^[A-Z][A-Z0-9_]{2,40}$/.test(text) || knows(ERROR_CODES, text))) return text;
  if (field === "name" && /^([A-Z][A-Za-z]{0,30})?Error$/.test(text)) return text;
  if (field === "path" && /^\/api\/[a-z]+(\/|$)/.test(text)) return text.split("/").slice(0, 3).join("/");
  if (field === "stack") return text.split("\n").flatMap((line) => redactFrame(line, root) ?? []);
  return lengthOf(text);
}

const knows = (words: readonly string[], word: string): boolean => words.includes(word);

/** `    at name (file:line:column)`, if the file is one of ours or the runtime's. */
function redactFrame(line: string, root: string): string | null {
  const found = /^\s+at (?:(?<name>[\w.$<># ]{1,80}) \()?(?<file>[^()]+):(?<line>\d+):(?<column>\d+)\)?$/.exec(
    line,
  )?.groups;
  if (found === undefined) return null;
  const file = found["file"] ?? "";
  const place = /^(node|bun|native)[:\w/]*$/.test(file) ? file : relative(root, file);
  if (place.startsWith("..") || place.startsWith("/") || !/^[\w./@:+-]+$/.test(place)) return null;
  return `at ${found["name"] ?? "?"} (${place}:${found["line"]}:${found["column"]})`;
}

const lengthOf = (text: string): string => `(${text.length} characters)`;
