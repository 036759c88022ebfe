// One error class for everything that a person may read. Foreign errors become one in the adapter that met them.

export const ERROR_CODES = [
  "bad_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "too_large",
  "conflict",
  "unsupported",
  "cancelled",
  "timeout",
  "budget",
  "sandbox",
  "code",
  "config",
  "unavailable",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** `message` is for people: what happened, what we did, what they can do. `detail` is for the curious (a traceback). */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; detail?: string; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What the system or SQLite calls a failure, e.g. `ENOSPC` or `SQLITE_BUSY`; empty for other errors. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

/** Anything thrown, as an AppError; a stranger becomes `internal` and keeps its text as the cause only. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError("internal", "Something went wrong inside Sandpiper. The log has the details.", { cause: error });
}
