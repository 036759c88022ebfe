// What every part of set-up is given: the project, its settings, where to say things.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { readText } from "./stamp.mjs";

const SYSTEM_CERTIFICATES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** `settings` is the environment over the project's .env; empty values count as unset. */
export function createContext({ root, progress, environment = process.env }) {
  const settings = { ...readDotEnv(readText(join(root, ".env")) ?? ""), ...dropEmpty(environment) };
  return {
    root,
    progress,
    settings,
    tools: join(root, ".tools"),
    home: settings.HOME ?? homedir(),
    isRoot: process.getuid?.() === 0,
    isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
    usesLocalRoom: usesLocalRoom(settings),
    /** Path of Bun; set by ensureBun. */
    bun: "",
  };
}

/** Where the code runs, by the same rule as src/shared/config.ts. */
export function usesLocalRoom(settings) {
  const chosen = settings.SANDPIPER_SANDBOX?.trim();
  return chosen === "local" || (chosen !== "e2b" && !settings.E2B_API_KEY?.trim());
}

/** The few lines of .env that set-up needs, without a parser from newer versions of Node. */
export function readDotEnv(text) {
  const found = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#]*))/.exec(line);
    const value = (match?.[2] ?? match?.[3] ?? match?.[4] ?? "").trim();
    if (match && value !== "") found[match[1]] = value;
  }
  return found;
}

/** The environment of a child that downloads: it trusts the certificates that this machine trusts. */
export function downloadEnvironment(environment = process.env) {
  const bundle = environment.NODE_EXTRA_CA_CERTS || SYSTEM_CERTIFICATES.find((path) => existsSync(path));
  return bundle ? { ...environment, NODE_EXTRA_CA_CERTS: bundle } : { ...environment };
}

function dropEmpty(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""));
}
