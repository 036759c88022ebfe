// Child processes that never outlive this one: signals are passed on, and a vanished parent is noticed.
import { spawn } from "node:child_process";
import { constants } from "node:os";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];
const PARENT_POLL_MS = 250;

/** Process-wide, as signals are: what must end when this process is told to. */
const groups = new Set();
let foregroundChild = null;
let isEnding = false;

/** Whether this process was told to stop: what fails from now on is no news. */
export const wasToldToEnd = () => isEnding;

/**
 * Runs a program to its end and hands back what it wrote; never throws. A program that cannot be started has code 127,
 * one that was stopped by the time limit has `isTimedOut`.
 */
export function capture(command, args, { env = process.env, cwd, timeoutMs = 60_000, onOutput } = {}) {
  return new Promise((settle) => {
    // A group of its own: npm, pip and apt start children, and all of them must end together.
    const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const result = { code: 127, stdout: "", stderr: "", output: "", isTimedOut: false };
    const timer = setTimeout(() => {
      result.isTimedOut = true;
      endGroup(child, "SIGKILL");
    }, timeoutMs);
    groups.add(child);
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text) => {
        result[name] += text;
        result.output += text;
        onOutput?.(text);
      });
    }
    const finish = () => {
      clearTimeout(timer);
      groups.delete(child);
      settle(result);
    };
    child.on("error", (error) => {
      result.output += error.message;
      finish();
    });
    child.on("close", (code, signal) => {
      result.code = code ?? 128 + (constants.signals[signal] ?? 0);
      finish();
    });
  });
}

/** Runs a program in the foreground, stdio inherited, and resolves to its exit code. `onStderr` taps its stderr. */
export function foreground(command, args, { env = process.env, cwd, onStderr } = {}) {
  return new Promise((settle) => {
    const child = spawn(command, args, { env, cwd, stdio: ["inherit", "inherit", onStderr ? "pipe" : "inherit"] });
    foregroundChild = child;
    child.stderr?.on("data", (chunk) => {
      process.stderr.write(chunk);
      onStderr(chunk);
    });
    const finish = (code) => {
      foregroundChild = null;
      settle(code);
    };
    child.on("error", () => finish(127));
    child.on("close", (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/**
 * Call once at the start. npm signals only the shell that it started and a killed npm signals nobody: without both the
 * hand-over and the look at the parent, a server would keep its port after `kill <npm>`.
 */
export function watchSignals() {
  for (const signal of FORWARDED) process.on(signal, () => passOn(signal));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) passOn("SIGTERM");
  }, PARENT_POLL_MS).unref();
}

function passOn(signal) {
  isEnding = true;
  // A terminal sends Ctrl-C to every process in the foreground; a second SIGINT would mean "at once" to the server.
  const isSentByTerminal = signal === "SIGINT" && process.stdin.isTTY === true;
  const isServing = foregroundChild !== null;
  if (foregroundChild !== null && !isSentByTerminal) foregroundChild.kill(signal);
  for (const child of groups) endGroup(child, signal);
  // With a program in the foreground its own end is waited for, and its exit code handed on.
  if (!isServing) process.exit(128 + constants.signals[signal]);
}

/** Ends what still works in the background. */
export function endGroups() {
  isEnding = true;
  for (const child of groups) endGroup(child, "SIGTERM");
}

function endGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
