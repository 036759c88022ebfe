// `sandpiper report`: what helps to find a fault, in one text file that a person can read first. Nothing that anybody said.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import * as os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { findRunning } from "../main.ts";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { SETTINGS } from "../shared/settings.ts";
import { SCHEMA_VERSION } from "../shared/db.ts";
import { freeBytes } from "../shared/disk.ts";
import { AppError, systemCode } from "../shared/errors.ts";
import { maskSecrets } from "../shared/log.ts";
import { parseJson } from "../shared/rows.ts";
import { mebibytes } from "../shared/sizes.ts";
import type { Counts } from "../shared/statistics.ts";
import { examine, findProblems } from "./health.ts";
import { printableLine } from "./printable.ts";
import { redactLine } from "./redact.ts";
import { stampOf } from "./stamp.ts";
import { productVersion } from "./version.ts";

export const usage = `report                         what helps to find a fault, without what was said, in a file to read and pass on`;

const LOG_LINES = 200;
const TAIL_BYTES = 2 ** 20;
const VERSION_WAIT_MS = 5_000;

type Environment = ReturnType<typeof readEnvironment>;
type Facts = { readonly config: Config; readonly environment: Environment; readonly now: Date };
type Section = readonly [title: string, lines: (facts: Facts) => readonly string[] | Promise<readonly string[]>];

export async function report(args: readonly string[]): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  const environment = readEnvironment();
  const { config, fault } = configOf(environment);
  const facts = { config, environment, now: new Date() };
  const text = await compose(facts, fault);
  const file = join(config.callerDir, `sandpiper-report-${stampOf(facts.now)}.txt`);
  await writeFile(file, scrub(text, facts), { flag: "wx", mode: 0o600 });
  console.log(`${printableLine(file)}
Nothing was sent to anybody. Read it before you pass it on: it should hold versions, numbers and error codes, and nothing
that you or anybody else wrote.`);
  return 0;
}

/** A report is wanted most where nothing works: with settings that are refused, those are left out that can be. */
function configOf(environment: Environment): { config: Config; fault: string } {
  try {
    return { config: loadConfig(environment), fault: "accepted" };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const name = SETTINGS.find((setting) => error.message.includes(setting.env))?.env ?? "one of them";
    const { SANDPIPER_HOME, INIT_CWD } = environment;
    return { config: loadConfig({ SANDPIPER_HOME, INIT_CWD }), fault: `refused: ${name}` };
  }
}

async function compose(facts: Facts, settingsAre: string): Promise<string> {
  const sections: readonly Section[] = [
    ["versions", versions],
    ["machine", machine],
    ["settings", ({ environment }) => [`all: ${settingsAre}`, ...settings(environment)]],
    ["installation", installation],
    ["board", board],
    ["logs", logs],
  ];
  const parts: string[] = [`Sandpiper report of ${facts.now.toISOString()}`];
  for (const [title, lines] of sections) parts.push([`[${title}]`, ...(await attempt(lines, facts))].join("\n"));
  return `${parts.join("\n\n")}\n`;
}

/** What cannot be looked at is a finding as well. */
async function attempt(lines: Section[1], facts: Facts): Promise<readonly string[]> {
  try {
    return await lines(facts);
  } catch (error) {
    const code = systemCode(error) || (error instanceof Error ? error.name : "unknown");
    return [`could not be looked at: ${code}`];
  }
}

const Tools = z.object({
  bwrap: z.string(),
  python: z.object({ executable: z.string(), source: z.string().optional() }),
});

async function versions({ config }: Facts): Promise<string[]> {
  const setup = join(config.root, ".tools/setup.json");
  const tools = Tools.safeParse(existsSync(setup) ? parseJson(readFileSync(setup, "utf8")) : null);
  const { bwrap, python } = tools.success ? tools.data : { bwrap: "bwrap", python: { executable: "python3" } };
  return [
    `sandpiper: ${await productVersion(config.root)}`,
    `schema known: ${SCHEMA_VERSION}`,
    `bun: ${Bun.version} (${Bun.revision.slice(0, 9)})`,
    `python: ${versionOf(config.python || python.executable)}${config.python === "" ? "" : " (from a setting)"}`,
    `bubblewrap: ${versionOf(config.bwrap || bwrap)}${config.bwrap === "" ? "" : " (from a setting)"}`,
  ];
}

function versionOf(program: string): string {
  if (Bun.which(program) === null) return "not found";
  const { stdout } = Bun.spawnSync([program, "--version"], { timeout: VERSION_WAIT_MS, stderr: "ignore" });
  return /\d+(\.\d+)+/.exec(stdout.toString())?.[0] ?? "says nothing";
}

const KERNEL_SWITCHES = [
  "kernel/unprivileged_userns_clone",
  "kernel/apparmor_restrict_unprivileged_userns",
  "user/max_user_namespaces",
] as const;

function machine({ config }: Facts): string[] {
  const switches = KERNEL_SWITCHES.map((name) => {
    const file = `/proc/sys/${name}`;
    return `${name}: ${existsSync(file) ? readFileSync(file, "utf8").replace(/\D/g, "") : "-"}`;
  });
  return [
    `system: ${os.platform()} ${os.arch()} ${os.release()}`,
    `distribution: ${distribution()}`,
    `processors: ${os.availableParallelism()}`,
    `memory: ${mebibytes(os.totalmem())}, free ${mebibytes(os.freemem())}`,
    `free on the disk: data ${mebibytes(freeBytes(config.dataDir))}, storage ${mebibytes(freeBytes(config.storageDir))}`,
    `root: ${yesNo(process.getuid?.() === 0)}`,
    ...switches,
  ];
}

function distribution(): string {
  const file = "/etc/os-release";
  const lines = existsSync(file) ? readFileSync(file, "utf8") : "";
  const of = (name: string): string => new RegExp(`^${name}="?([a-z0-9._-]*)`, "m").exec(lines)?.[1] ?? "";
  return `${of("ID")} ${of("VERSION_ID")}`.trim() || "-";
}

/** A value is shown only where it is a number or one of the words that there are to choose from. */
function settings(environment: Environment): string[] {
  return SETTINGS.filter((setting) => !("internal" in setting)).map((setting) => {
    const value = environment[setting.env]?.trim() ?? "";
    if (value === "") return `${setting.env}: not set`;
    const isHarmless = /^\d{1,9}(\.\d{1,6})?$/.test(value) || setting.unit.split(" | ").includes(value);
    return `${setting.env}: ${isHarmless && !("secret" in setting) ? value : "set"}`;
  });
}

async function installation({ config }: Facts): Promise<string[]> {
  const isThere = (path: string): string => yesNo(existsSync(join(config.root, path)));
  return [
    `running: ${yesNo((await findRunning(config)) !== null)}`,
    `data: ${folderFacts(config.dataDir)}`,
    `storage: ${folderFacts(config.storageDir)}`,
    `home is the project folder: ${yesNo(config.home === config.root)}`,
    `sandbox: ${config.sandbox}`,
    `set up: ${isThere(".tools/setup.json")}`,
    `dashboard built: ${isThere("dist/web/index.html")}`,
    `reserve: ${yesNo(existsSync(join(config.dataDir, "reserve")))}`,
    `restore unfinished: ${yesNo(existsSync(join(config.home, "restore.json")))}`,
  ];
}

function folderFacts(folder: string): string {
  const facts = statSync(folder, { throwIfNoEntry: false });
  if (facts === undefined) return "not there";
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return `mode ${(facts.mode & 0o777).toString(8)}, writable`;
  } catch (error) {
    return `mode ${(facts.mode & 0o777).toString(8)}, ${systemCode(error)}`;
  }
}

async function board({ config, now }: Facts): Promise<string[]> {
  const problems = findProblems(config);
  if (problems === null) return ["there is none"];
  const state = problems.length === 0 ? "sound" : `${problems.length} problems`;
  return [`integrity: ${state}`, ...(await attempt(numbers, { config, environment: {}, now }))];
}

async function numbers({ config, now }: Facts): Promise<string[]> {
  const { statistics, usage, ...health } = await examine(config, now.getTime());
  const { schemaVersion, oldestOpenAt, fileBytes, unusedBytes, jobs, errors, rows } = statistics;
  const ageMinutes = oldestOpenAt === null ? null : Math.round((now.getTime() - oldestOpenAt) / 60_000);
  return [
    `schema: ${schemaVersion}`,
    `size: ${mebibytes(fileBytes)}, unused ${mebibytes(unusedBytes)}, log ${mebibytes(health.logBytes)}`,
    `jobs: ${countsAs(jobs)}`,
    `oldest open job: ${ageMinutes === null ? "-" : `${ageMinutes} minutes`}`,
    `errors of the newest failed jobs: ${countsAs(errors)}`,
    `rows: ${countsAs(rows)}`,
    `rows that disagree: ${health.mismatches}`,
    `uploads: ${usage.uploads}, ${mebibytes(usage.uploadBytes)}`,
    `artifacts: ${usage.artifacts}, ${mebibytes(usage.artifactBytes)}`,
    `files without a row: ${health.orphans}, ${mebibytes(health.orphanBytes)}`,
    `rows without their file: ${health.missing}`,
  ];
}

const countsAs = (counts: Counts): string =>
  Object.entries(counts)
    .map(([word, count]) => `${word} ${count}`)
    .join(", ") || "none";

function logs({ config }: Facts): string[] {
  const folder = join(config.dataDir, "logs");
  const names = ["main", "core", "worker", "sandboxd"].filter((name) => existsSync(join(folder, `${name}.jsonl`)));
  const others = existsSync(folder) ? readdirSync(folder).length - names.length : 0;
  return [
    ...names.flatMap((name) => [
      `--- ${name}`,
      ...lastLines(join(folder, `${name}.jsonl`)).map((line) => redactLine(line, config.root)),
    ]),
    `--- files besides these: ${others}`,
  ];
}

function lastLines(file: string): string[] {
  const text = readFileSync(file).subarray(-TAIL_BYTES).toString("utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.slice(-LOG_LINES);
}

/** The last net under all of the above: what must not be in it, wherever it may have come from. */
function scrub(text: string, { config, environment }: Facts): string {
  const token = join(config.dataDir, "token");
  const secrets = Object.entries(environment).flatMap(([name, value = ""]) =>
    /KEY|TOKEN|SECRET|PASS|CREDENTIAL/i.test(name) && value.length >= 6 ? [value] : [],
  );
  secrets.push(...quotedIn(join(config.dataDir, "models.json")));
  if (existsSync(token)) secrets.push(readFileSync(token, "utf8").trim());
  const hidden = [...secrets, os.homedir(), config.home, os.hostname()].filter((one) => one.length >= 4);
  const user = userName();
  const names = user.length >= 4 && user !== "root" ? [new RegExp(`\\b${RegExp.escape(user)}\\b`, "g")] : [];
  const masked = hidden.reduce((rest, one) => rest.replaceAll(one, "***"), maskSecrets(text));
  return names.reduce((rest, one) => rest.replace(one, "***"), masked);
}

/** Every text of a JSON file, whatever else it may be: a damaged one has keys as well. */
function quotedIn(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return [...text.matchAll(/"([^"]{8,})"/g)].map(([, value = ""]) => value);
}

/** Empty where the system does not know: in a container a user may be a number only. */
function userName(): string {
  try {
    return os.userInfo().username;
  } catch (error) {
    if (systemCode(error) === "") throw error;
    return "";
  }
}

const yesNo = (value: boolean): string => (value ? "yes" : "no");
