// What stops set-up: one sentence for a person and the exact way out.

export class SetupFailure extends Error {
  /** @param {string} message what happened @param {string} fix what the reader can do, a command where there is one */
  constructor(message, fix = "") {
    super(message);
    this.name = "SetupFailure";
    this.fix = fix;
  }
}

const OFFLINE =
  /ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH|DNSResolveFailed|FailedToOpenSocket|Unable to connect|NewConnectionError|Could not resolve|name resolution|Network is unreachable|timed? ?out|Failed to fetch|Could not connect/i;

/** Whether a foreign program's output says that its server could not be reached. */
export const saysUnreachable = (output) => OFFLINE.test(output);

/** The last meaningful line of a foreign program's output, short enough for one sentence. */
export function lastLine(output) {
  const lines = output.split(/\r?\n/).map((line) => line.trim());
  const line =
    lines.findLast((one) => /error|fail|denied|cannot|refused|E:/i.test(one)) ??
    lines.findLast((one) => one !== "") ??
    "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
