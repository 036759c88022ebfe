// `sandpiper logs`: the last lines of every process, in order of time; --follow goes on.
import { existsSync, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { loadConfig, readEnvironment } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { parseJson } from "../shared/rows.ts";
import { pause, stopSignal } from "../shared/stop.ts";
import { printableLine } from "./printable.ts";

export const usage = `logs [--follow] [--lines N]    what the processes wrote (data/logs/)
    --json        the lines as they are`;

const FOLLOW_MS = 250;

const Line = z.looseObject({ at: z.string(), process: z.string(), level: z.string(), event: z.string() });

export async function logs(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      follow: { type: "boolean", short: "f", default: false },
      lines: { type: "string", default: "50" },
      json: { type: "boolean", default: false },
    },
  });
  if (!/^\d{1,9}$/.test(values.lines))
    throw new AppError("bad_request", `--lines is “${values.lines}”, but must be a whole number.`);
  const count = Number(values.lines);
  const folder = join(loadConfig(readEnvironment()).dataDir, "logs");
  const positions = new Map<string, number>();
  const print = (lines: readonly string[]) => lines.forEach((line) => console.log(values.json ? line : pretty(line)));
  const first = await readNew(folder, positions);
  print(first.slice(Math.max(0, first.length - count)));
  const stop = stopSignal();
  while (values.follow && !stop.aborted) {
    await pause(FOLLOW_MS, stop);
    print(await readNew(folder, positions));
  }
  return 0;
}

/** Whole lines that were added since the last look, of all files, by time. */
async function readNew(folder: string, positions: Map<string, number>): Promise<string[]> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl")) : [];
  const lines: string[] = [];
  for (const name of names) lines.push(...(await readFrom(join(folder, name), positions)));
  return lines.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)));
}

async function readFrom(file: string, positions: Map<string, number>): Promise<string[]> {
  const { size } = statSync(file);
  const known = positions.get(file) ?? 0;
  // A smaller file is a new one: the old was rotated away.
  const from = size < known ? 0 : known;
  if (size === from) return [];
  await using handle = await open(file, "r");
  const bytes = Buffer.alloc(size - from);
  await handle.read(bytes, 0, bytes.length, from);
  const end = bytes.lastIndexOf(10) + 1;
  positions.set(file, from + end);
  return bytes
    .subarray(0, end)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

const timeOf = (line: string): string => /"at":"([^"]+)"/.exec(line)?.[1] ?? "";

function pretty(line: string): string {
  const parsed = Line.safeParse(parseJson(line));
  if (!parsed.success) return printableLine(line);
  const { at, process, level, event, ...fields } = parsed.data;
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return printableLine([at.slice(11, 23), process.padEnd(8), level.toUpperCase().padEnd(5), event, ...rest].join("  "));
}
