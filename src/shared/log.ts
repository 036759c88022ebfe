// One JSON line an event, on stdout; `sandpiper start` keeps the lines in rotated files. Secrets are masked.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Fields = { readonly [name: string]: unknown };
export type Log = { readonly [level in LogLevel]: (event: string, fields?: Fields) => void };

const ORDER = { debug: 0, info: 1, warn: 2, error: 3 } as const;
/** Deeper than this a field is a whole world; a log line is not. */
const MAX_DEPTH = 6;

/** `event` is noun-verb (job-claimed). `write` receives one line without its newline. Never throws over a field. */
export function createLog(
  process: string,
  level: LogLevel = "info",
  write: (line: string) => void = (line) => void globalThis.process.stdout.write(`${line}\n`),
): Log {
  const at =
    (one: LogLevel) =>
    (event: string, fields: Fields = {}) => {
      if (ORDER[one] < ORDER[level]) return;
      const own = { at: new Date().toISOString(), process, level: one, event };
      write(JSON.stringify({ ...own, ...plainFields(fields, own) }));
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Keys of the known providers, bearer tokens, signatures, passwords in URLs and pairing links become `***`. */
export function maskSecrets(text: string): string {
  return text
    .replace(/(?<![A-Za-z0-9])(e2b_|sk-(?:ant-|proj-)?|AIza|gsk_|xox[abp]-|gh[pousr]_)[A-Za-z0-9_-]{12,}/g, "$1***")
    .replace(/(?<!\d)\d{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g, "***")
    .replace(
      /(bearer\s+|#pair=|[?&](?:\w*key|\w*token|sig|signature|secret|password)=)[A-Za-z0-9._~+/%-]{8,}=*/gi,
      "$1***",
    )
    .replace(/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, "$1***@");
}

/** A field named like one of the line's own keeps its value under a name of its own. */
function plainFields(fields: Fields, own: object): Record<string, unknown> {
  const named = Object.entries(fields).map(
    ([name, value]) => [name in own ? `${name}_` : name, plain(value, 0, [])] as const,
  );
  return Object.fromEntries(named);
}

/** Anything as JSON can say it: masked text, errors with their causes, no circles, no control characters. */
function plain(value: unknown, depth: number, above: readonly object[]): unknown {
  if (typeof value === "string") return maskSecrets(value).replace(/[\u0080-\u009f]/g, "\uFFFD");
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value) || depth > MAX_DEPTH) return "…";
  const next = [...above, value];
  if (Array.isArray(value)) return value.slice(0, 100).map((one) => plain(one, depth + 1, next));
  const entries = value instanceof Error ? errorEntries(value) : Object.entries(value);
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, depth + 1, next)]));
}

function errorEntries(error: Error): [string, unknown][] {
  const { name, message, stack, cause } = error;
  const also = ["code", "detail", "errors"].flatMap((key): [string, unknown][] => {
    const value: unknown = Reflect.get(error, key);
    return value === undefined ? [] : [[key, value]];
  });
  return [
    ["name", name],
    ["message", message],
    ["stack", stack],
    ...also,
    ...(cause === undefined ? [] : ([["cause", cause]] satisfies [string, unknown][])),
  ];
}
