// What the settings come to. The only file that reads the environment.
import { homedir } from "node:os";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { AppError } from "./errors.ts";
import { ADDRESSES, modelSettings, type ModelSettings } from "./model_settings.ts";
import { SETTINGS } from "./settings.ts";

type Name = (typeof SETTINGS)[number]["env"];
type Environment = { readonly [name: string]: string | undefined };

export type Config = {
  readonly root: string;
  readonly home: string;
  readonly dataDir: string;
  readonly storageDir: string;
  readonly port: number;
  readonly sandbox: "local" | "e2b";
  readonly python: string;
  readonly bwrap: string;
  readonly jobTimeoutMs: number;
  readonly concurrency: number;
  readonly model: ModelSettings;
  readonly maxUploadBytes: number;
  readonly maxOutputBytes: number;
  readonly maxArtifactBytes: number;
  readonly storageBytes: number;
  readonly minFreeBytes: number;
  /** 0: for ever. */
  readonly keepDays: number;
  readonly synchronous: "full" | "normal";
  readonly sandboxMemoryBytes: number;
  /** Micro-dollars. */
  readonly budget: { readonly job: number; readonly day: number; readonly month: number };
  readonly openBrowser: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly e2b: {
    readonly apiKey: string;
    readonly domain: string;
    readonly apiUrl: string;
    readonly sandboxUrl: string;
  };
  readonly telegram: {
    readonly token: string;
    readonly apiUrl: string;
    readonly webhook: string;
    readonly secret: string;
  };
  readonly whatsapp: {
    readonly token: string;
    readonly phoneId: string;
    readonly appSecret: string;
    readonly verifyToken: string;
    readonly apiUrl: string;
  };
  readonly webhookPort: number;
  readonly sandboxd: { readonly port: number; readonly key: string; readonly rooms: string; readonly cgroup: string };
  readonly leaseMs: number;
  /** Where the person stood who called; package managers move their scripts to the project folder. */
  readonly callerDir: string;
  /** Sentences about settings that are probably mistakes; shown at start. */
  readonly warnings: readonly string[];
};

/** The project folder: two floors above this file. */
export const ROOT = resolve(import.meta.dir, "../..");

/** `.env` holds keys: what others could read is closed to them. True if it was open. */
export function closeEnvironmentFile(root = ROOT): boolean {
  const file = resolve(root, ".env");
  if (!existsSync(file) || (statSync(file).mode & 0o077) === 0) return false;
  chmodSync(file, 0o600);
  return true;
}

/** The process's environment over `.env` of the project folder. */
export function readEnvironment(root = ROOT): Environment {
  const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value.trim() !== "");
  return { ...readFile(root), ...Object.fromEntries(set) };
}

/** The names of settings that `.env` does not have as the process's environment has them. */
export function settingsOfShell(root = ROOT): string[] {
  const [fromFile, all] = [readFile(root), readEnvironment(root)];
  return SETTINGS.map((one) => one.env).filter((name) => all[name] !== fromFile[name]);
}

function readFile(root: string): Environment {
  const file = resolve(root, ".env");
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8").replace(/^\uFEFF/, "")) : {};
}

/** Throws AppError `config` with one clear sentence for a value that makes no sense. */
export function loadConfig(environment: Environment = process.env, root = ROOT): Config {
  const text = (name: Name): string =>
    environment[name]?.trim() || (SETTINGS.find((one) => one.env === name)?.default ?? "");
  const number = (name: Name, min: number, max: number): number => {
    const value = /^\d+(\.\d+)?$/.test(text(name)) ? Number(text(name)) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new AppError("config", `${name} is "${text(name)}", but must be a number from ${min} to ${max}.`);
    return value;
  };
  const whole = (name: Name, min: number, max: number): number => {
    const value = number(name, min, max);
    if (!Number.isInteger(value))
      throw new AppError("config", `${name} is "${text(name)}", but must be a whole number.`);
    return value;
  };
  const bytes = (name: Name, min: number, max: number, unit = 2 ** 20): number =>
    Math.floor(number(name, min, max) * unit);
  const oneOf = <T extends string>(name: Name, choices: readonly T[]): T => {
    const value = choices.find((choice) => choice === text(name));
    if (value === undefined)
      throw new AppError("config", `${name} is "${text(name)}", but must be one of: ${choices.join(", ")}.`);
    return value;
  };
  const home = resolve(root, text("SANDPIPER_HOME").replace(/^~(?=\/|$)/, homedir()) || ".");
  return {
    root,
    home,
    dataDir: resolve(home, "data"),
    storageDir: resolve(home, "storage"),
    port: whole("SANDPIPER_PORT", 0, 65_535),
    sandbox: chooseSandbox(text, oneOf),
    python: text("SANDPIPER_PYTHON"),
    bwrap: text("SANDPIPER_BWRAP"),
    jobTimeoutMs: number("SANDPIPER_JOB_SECONDS", 1, 86_400) * 1_000,
    concurrency: whole("SANDPIPER_CONCURRENCY", 1, 64),
    maxUploadBytes: bytes("SANDPIPER_MAX_UPLOAD_MB", 1, 10_000),
    maxOutputBytes: bytes("SANDPIPER_MAX_OUTPUT_MB", 0.01, 1),
    maxArtifactBytes: bytes("SANDPIPER_MAX_ARTIFACT_MB", 1, 10_000),
    storageBytes: bytes("SANDPIPER_STORAGE_GB", 0.01, 1_000_000, 2 ** 30),
    minFreeBytes: bytes("SANDPIPER_MIN_FREE_MB", 0, 1_000_000),
    keepDays: number("SANDPIPER_KEEP_DAYS", 0, 36_500),
    synchronous: oneOf("SANDPIPER_SYNCHRONOUS", ["full", "normal"]),
    sandboxMemoryBytes: bytes("SANDPIPER_MEMORY_MB", 256, 1_000_000),
    budget: budgetOf(number),
    openBrowser: oneOf("SANDPIPER_OPEN", ["0", "1"]) === "1",
    logLevel: oneOf("SANDPIPER_LOG", ["debug", "info", "warn", "error"]),
    model: modelSettings(text, whole),
    e2b: e2bOf(text),
    telegram: telegramOf(text),
    whatsapp: whatsappOf(text),
    webhookPort: whole("SANDPIPER_WEBHOOK_PORT", 0, 65_535),
    sandboxd: { port: whole("SANDPIPER_SANDBOXD_PORT", 0, 65_535), ...sandboxdOf(text) },
    leaseMs: number("SANDPIPER_LEASE_SECONDS", 0.1, 3_600) * 1_000,
    callerDir: environment["INIT_CWD"] ?? process.cwd(),
    warnings: [...unknownSettings(environment), ...unusedAddress(text)],
  };
}

type Text = (name: Name) => string;

const budgetOf = (number: (name: Name, min: number, max: number) => number): Config["budget"] => {
  const microUsd = (name: Name): number => Math.round(number(name, 0, 100_000) * 1e6);
  return {
    job: microUsd("SANDPIPER_JOB_USD"),
    day: microUsd("SANDPIPER_DAY_USD"),
    month: microUsd("SANDPIPER_MONTH_USD"),
  };
};

const sandboxdOf = (text: Text): Omit<Config["sandboxd"], "port"> => ({
  key: text("SANDPIPER_SANDBOXD_KEY"),
  rooms: text("SANDPIPER_ROOMS"),
  cgroup: text("SANDPIPER_CGROUP"),
});

const e2bOf = (text: Text): Config["e2b"] => ({
  apiKey: text("E2B_API_KEY"),
  domain: text("E2B_DOMAIN"),
  apiUrl: text("E2B_API_URL"),
  sandboxUrl: text("E2B_SANDBOX_URL"),
});

const telegramOf = (text: Text): Config["telegram"] => ({
  token: text("SANDPIPER_TELEGRAM_TOKEN"),
  apiUrl: text("SANDPIPER_TELEGRAM_API"),
  webhook: text("SANDPIPER_TELEGRAM_WEBHOOK"),
  secret: text("SANDPIPER_TELEGRAM_SECRET"),
});

const whatsappOf = (text: Text): Config["whatsapp"] => ({
  token: text("SANDPIPER_WHATSAPP_TOKEN"),
  phoneId: text("SANDPIPER_WHATSAPP_PHONE_ID"),
  appSecret: text("SANDPIPER_WHATSAPP_APP_SECRET"),
  verifyToken: text("SANDPIPER_WHATSAPP_VERIFY_TOKEN"),
  apiUrl: text("SANDPIPER_WHATSAPP_API"),
});

/** What a child needs that must not see a key: the system's own, ours, and nothing that looks like a secret. */
const HARMLESS =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(HTTPS?|NO)_PROXY|SANDPIPER_\w+)$/i;
const SECRET = /(KEY|TOKEN|SECRET|PASS(WORD)?|PAT|CREDENTIALS?)$/i;

const CHANNELS = /^SANDPIPER_(TELEGRAM|WHATSAPP)_/;

/** The environment for the worker: it does not speak to the channels. */
export function withoutChannels(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !CHANNELS.test(name)));
}

/** The environment for core: it speaks to the channels, so it gets their secrets, and no others. It tries keys of models. */
export function withChannels(environment: Environment): Record<string, string> {
  const also = Object.entries(environment).filter(([name]) => CHANNELS.test(name) || ADDRESSES.test(name));
  return {
    ...withoutKeys(environment),
    ...Object.fromEntries(also.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  };
}

/** The environment for sandboxd. */
export function withoutKeys(environment: Environment): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) => HARMLESS.test(name) && !SECRET.test(name));
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function chooseSandbox(
  text: (name: Name) => string,
  oneOf: (name: Name, choices: readonly ("local" | "e2b")[]) => "local" | "e2b",
): "local" | "e2b" {
  const hasKey = text("E2B_API_KEY") !== "";
  const chosen = text("SANDPIPER_SANDBOX") === "" ? null : oneOf("SANDPIPER_SANDBOX", ["local", "e2b"]);
  // core is told where the code runs, but not the key.
  if (text("SANDPIPER_SUPERVISED") === "1" && chosen !== null) return chosen;
  const wantsServer = [text("E2B_DOMAIN"), text("E2B_API_URL"), text("E2B_SANDBOX_URL")].some((one) => one !== "");
  if (chosen !== "local" && !hasKey && (chosen === "e2b" || wantsServer))
    throw new AppError(
      "config",
      "E2B is asked for, but E2B_API_KEY is not set. Put the key into .env, or set SANDPIPER_SANDBOX=local to run on this machine.",
    );
  return chosen ?? (hasKey ? "e2b" : "local");
}

/** Settings of earlier versions, and what has taken their place. */
const REPLACED: Environment = {
  SANDPIPER_E2B_DAILY_USD: "SANDPIPER_DAY_USD, which is for models and sandboxes together",
};

function unknownSettings(environment: Environment): string[] {
  const known: string[] = SETTINGS.map((one) => one.env);
  const forPeople = SETTINGS.filter((one) => !("internal" in one)).map((one) => one.env);
  return Object.keys(environment)
    .filter((name) => /^SANDPIPER_(?!TEST_)/.test(name) && !known.includes(name))
    .map((name) =>
      REPLACED[name] === undefined
        ? `${name} is not a setting. Did you mean ${nearest(name, forPeople)}?`
        : `${name} is no setting any more and limits nothing. Set ${REPLACED[name]}.`,
    );
}

function unusedAddress(text: Text): string[] {
  if (text("SANDPIPER_MODEL_URL") === "" || text("SANDPIPER_MODEL") !== "") return [];
  return [
    "SANDPIPER_MODEL_URL says where, but not which model: set SANDPIPER_MODEL=compatible:name-of-the-model as well.",
  ];
}

function nearest(name: string, candidates: readonly string[]): string {
  const ranked = candidates.map((one) => ({ one, distance: editDistance(name, one) }));
  return ranked.toSorted((a, b) => a.distance - b.distance)[0]?.one ?? name;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
