// What stops set-up: one sentence for a person and the exact way out.

export class SetupFailure extends Error {
  /** @param {string} message what happened @param {string} fix what the reader can do, a command where there is one */
  constructor(message, fix = "") {
    super(message);
    this.name = "SetupFailure";
    this.fix = fix;
  }
}

/** A failed file operation as a sentence; anything else that is no SetupFailure is a bug and goes on as it is. */
export function fromSystem(error) {
  if (error instanceof SetupFailure) return error;
  const [message, fix] = SYSTEM[error.code]?.(error.path ?? "the project folder") ?? [];
  if (message === undefined) throw error;
  return new SetupFailure(message, fix);
}

const notWritable = (path) => [
  `${path} cannot be written by this user.`,
  "start Sandpiper as the user who owns the project folder, or copy the folder to a place of your own",
];
const SYSTEM = {
  EACCES: notWritable,
  EPERM: notWritable,
  EROFS: notWritable,
  ENOSPC: () => ["The disk is full.", "free 1 GB (2 GB with all Python packages) and start again"],
};

const OFFLINE =
  /ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH|DNSResolveFailed|FailedToOpenSocket|Unable to connect|NewConnectionError|Could not resolve|name resolution|Network is unreachable|timed? ?out|Failed to fetch|Could not connect/i;

/** Whether a foreign program's output says that its server could not be reached. */
export const saysUnreachable = (output) => OFFLINE.test(output);

/** The last meaningful line of a foreign program's output, short enough for one sentence. */
export function lastLine(output) {
  const lines = output.split(/\r?\n/).map((line) => line.trim());
  const line =
    lines.findLast((one) => /\b(error|fail\w*|denied|cannot|refused)\b|^E:/i.test(one)) ??
    lines.findLast((one) => one !== "") ??
    "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
