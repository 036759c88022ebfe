// `sandpiper schedule add "Graph this CSV file" sales.csv --cron "0 9 * * 1"`: what is to be asked later, or again and again.
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadConfig } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { localTime, systemTimeZone } from "../shared/time_zones.ts";
import { findServer, type Client } from "./client.ts";
import { existingFile } from "./files.ts";
import { isoTime } from "./jobs/json.ts";
import { printableLine } from "./printable.ts";

export const usage = `schedule add "WHAT YOU WANT" [FILE …]   ask again and again, or once and later
    --cron "0 9 * * 1"        minute, hour, day, month, day of the week; or @hourly, @daily, @weekly, @monthly
    --at "2026-12-24 18:00"   once
    --tz ZONE                 e.g. Europe/Berlin; this machine's when left out
    --name NAME               what it is called; the beginning of WHAT YOU WANT when left out
    --missed once|skip        when nobody was there in time: one answer for all of it (once), or none
    --code FILE               run this Python instead of planning
  schedule list                  all of them and when they are due
  schedule pause|resume|remove NAME
    --json        print one JSON object instead of text`;

const Schedule = z.object({
  id: z.string(),
  name: z.string(),
  cron: z.string().nullable(),
  timeZone: z.string(),
  missed: z.string(),
  input: z.object({ prompt: z.string().optional() }),
  files: z.array(z.object({ name: z.string() })),
  conversationId: z.string(),
  nextAt: z.number().nullable(),
  pausedAt: z.number().nullable(),
  lastTickAt: z.number().nullable(),
  lastJobId: z.string().nullable(),
});
type Schedule = z.infer<typeof Schedule>;
const One = z.object({ schedule: Schedule });
const All = z.object({ schedules: z.array(Schedule) });

const ACTIONS: { readonly [action: string]: (args: string[]) => Promise<number> } = {
  add,
  list,
  pause: (args) => change(args, "pause"),
  resume: (args) => change(args, "resume"),
  remove,
};

export async function schedule([action = "", ...args]: readonly string[]): Promise<number> {
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (run === undefined) throw new AppError("bad_request", `Say add, list, pause, resume or remove.\n\n  ${usage}`);
  return run(args);
}

async function add(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      cron: { type: "string" },
      at: { type: "string" },
      tz: { type: "string", default: systemTimeZone() },
      name: { type: "string" },
      missed: { type: "string" },
      code: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const [text = "", ...names] = positionals;
  const { callerDir } = loadConfig();
  const files = await Promise.all(names.map((name) => existingFile(callerDir, name)));
  const code = values.code === undefined ? null : await existingFile(callerDir, values.code);
  if (text.trim() === "" && files.length === 0 && code === null)
    throw new AppError("bad_request", `Nothing was asked.\n\n  ${usage}`);
  const form = new FormData();
  const { cron, at, tz, name, missed } = values;
  for (const [field, value] of Object.entries({ text, cron, at, time_zone: tz, name, missed }))
    if (value !== undefined) form.set(field, value);
  if (code !== null) form.set("code", await Bun.file(code).text());
  for (const file of files) form.append("files", Bun.file(file), basename(file));
  await using client = await running();
  const { schedule: made } = await client.call(One, "/api/schedules", { form });
  console.log(values.json ? JSON.stringify(asJson(made)) : `Added:\n${lineOf(made)}`);
  return 0;
}

async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
  await using client = await running();
  const { schedules } = await client.call(All, "/api/schedules");
  if (values.json) console.log(JSON.stringify({ schedules: schedules.map(asJson) }));
  else if (schedules.length > 0) console.log(schedules.map(lineOf).join("\n"));
  else console.log(`There are no schedules.\n\n  ${usage}`);
  return 0;
}

async function change(args: string[], verb: "pause" | "resume"): Promise<number> {
  const { name, isJson } = nameIn(args);
  await using client = await running();
  const { id } = await find(client, name);
  const { schedule: now } = await client.call(One, `/api/schedules/${id}/${verb}`, { method: "POST" });
  console.log(isJson ? JSON.stringify(asJson(now)) : lineOf(now));
  return 0;
}

async function remove(args: string[]): Promise<number> {
  const { name, isJson } = nameIn(args);
  await using client = await running();
  const found = await find(client, name);
  await client.remove(`/api/schedules/${found.id}`);
  console.log(isJson ? JSON.stringify(asJson(found)) : `Removed: ${printableLine(found.name)}. Its answers stay.`);
  return 0;
}

async function running(): Promise<Client> {
  const client = await findServer();
  if (client !== null) return client;
  throw new AppError("unavailable", "Sandpiper is not running, and schedules need it. Start it with `npm start`.");
}

function nameIn(args: string[]): { name: string; isJson: boolean } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1)
    throw new AppError("bad_request", `Name one schedule; a name of several words needs quotes.\n\n  ${usage}`);
  return { name, isJson: values.json };
}

/** By its name, which is the only one of its kind, or by its id. */
async function find(client: Client, name: string): Promise<Schedule> {
  const { schedules } = await client.call(All, "/api/schedules");
  const found = schedules.find((one) => one.id === name) ?? schedules.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new AppError("not_found", `There is no schedule “${printableLine(name)}”. See: bun run schedule -- list`);
}

function lineOf({ name, cron, timeZone, nextAt, pausedAt, lastTickAt }: Schedule): string {
  const show = (at: number) => localTime(at, timeZone);
  const last = lastTickAt === null ? "" : `, last ${show(lastTickAt)}`;
  const over = lastTickAt === null ? "missed" : "over";
  const state = pausedAt !== null ? "paused" : nextAt === null ? over : `next ${show(nextAt)}`;
  return `${printableLine(name)}\n    ${state}${last} (${printableLine(`${cron ?? "once"}, ${timeZone}`)})`;
}

function asJson(one: Schedule) {
  return {
    id: one.id,
    name: one.name,
    cron: one.cron,
    time_zone: one.timeZone,
    missed: one.missed,
    text: one.input.prompt ?? "",
    files: one.files.map((file) => file.name),
    conversation_id: one.conversationId,
    next_at: isoTime(one.nextAt),
    paused_at: isoTime(one.pausedAt),
    last_tick_at: isoTime(one.lastTickAt),
    last_job_id: one.lastJobId,
  };
}
