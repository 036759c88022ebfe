// One JSON line an event, on stdout; `sandpiper start` keeps the lines in rotated files. Secrets are masked.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Fields = { readonly [name: string]: unknown };
export type Log = { readonly [level in LogLevel]: (event: string, fields?: Fields) => void };

const ORDER = { debug: 0, info: 1, warn: 2, error: 3 } as const;

/** `event` is noun-verb (job-claimed). `write` receives one line without its newline. */
export function createLog(
  process: string,
  level: LogLevel = "info",
  write: (line: string) => void = (line) => void globalThis.process.stdout.write(`${line}\n`),
): Log {
  const at =
    (one: LogLevel) =>
    (event: string, fields: Fields = {}) => {
      if (ORDER[one] < ORDER[level]) return;
      const line = { at: new Date().toISOString(), process, level: one, event, ...fields };
      write(maskSecrets(JSON.stringify(line, errorsAsText)));
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Keys of the known providers, bearer tokens and pairing links become `***`. */
export function maskSecrets(line: string): string {
  return line
    .replace(/\b(e2b_|sk-(?:ant-|proj-)?|AIza|gsk_|xox[abp]-|ghp_)[A-Za-z0-9_-]{12,}/g, "$1***")
    .replace(/\b\d{8,10}:[A-Za-z0-9_-]{35}\b/g, "***")
    .replace(/(Bearer |#pair=|[?&](?:key|token|sig)=)[A-Za-z0-9._~+/-]{8,}=*/g, "$1***");
}

function errorsAsText(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: value.cause }),
  };
}
