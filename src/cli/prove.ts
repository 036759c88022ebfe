// `sandpiper prove`: attacks the sandbox of this machine from inside, live, and says for each what stopped it.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { aborted, stopSignal } from "../shared/stop.ts";
import { printableLine } from "./printable.ts";
import { artifacts } from "./prove/artifacts.ts";
import { BROWSER_FILES, BROWSER_KERNEL, BROWSER_RESOURCES } from "./prove/browser.ts";
import { GROUPS, prove as proveOne, type Attack, type Group, type Proof } from "./prove/attack.ts";
import { files } from "./prove/files.ts";
import { endLiars, frames } from "./prove/frames.ts";
import { openGround, type Ground } from "./prove/ground.ts";
import { kernel } from "./prove/kernel.ts";
import { life } from "./prove/life.ts";
import { network } from "./prove/network.ts";
import { OUTPUT } from "./prove/output.ts";
import { processes } from "./prove/processes.ts";
import { resources } from "./prove/resources.ts";
import { secrets } from "./prove/secrets.ts";
import type { Way } from "./prove/server.ts";

export const usage = `prove [--group NAME] [--json]   attack the sandbox from inside and see that it holds
    --name WORDS  only attacks whose name has these words
    --way forked|plain             how Python is started in the rooms`;

export const ATTACKS: Readonly<Record<Group, readonly Attack[]>> = {
  files: [...files, ...BROWSER_FILES],
  secrets,
  processes,
  kernel: [...kernel, ...BROWSER_KERNEL],
  network,
  resources: [...resources, ...BROWSER_RESOURCES, ...OUTPUT.map((one) => ({ group: "resources" as const, ...one }))],
  artifacts,
  frames,
  life,
};

type Report = { readonly at: string; readonly tier: Way; readonly attacks: readonly Proof[] };

export async function prove(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const options = { group: text, name: text, way: text, json: { type: "boolean", default: false } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const chosen = choose(values.group, values.name);
  const config = loadConfig(readEnvironment());
  const way = wayOf(values.way);
  await using ground = await openGround(config, way ?? "forked");
  const tier = await tierOf(ground);
  if (way !== null && tier !== way)
    throw new AppError("unavailable", `On this machine rooms are not ${way}: Python is started inside (${tier}).`);
  const stop = stopSignal();
  const attacks: Proof[] = [];
  try {
    for (const attack of chosen) {
      const proof = await Promise.race([proveOne(attack, ground), aborted(stop)]);
      if (proof === undefined) return 130;
      attacks.push(proof);
      if (!values.json) console.log(line(proof));
    }
  } finally {
    await endLiars(ground);
  }
  const report = { at: new Date().toISOString(), tier, attacks };
  // A part must not take the place of a whole.
  if (values.group === undefined && values.name === undefined) await keep(config, report);
  console.log(values.json ? JSON.stringify(report) : summary(report));
  return attacks.every((one) => one.held || !one.tried) ? 0 : 1;
}

function choose(group: string | undefined, name = ""): readonly Attack[] {
  const groups = GROUPS.filter((one) => group === undefined || one === group);
  if (groups.length === 0)
    throw new AppError(
      "bad_request",
      `There is no group “${printableLine(group ?? "")}”. There are: ${GROUPS.join(", ")}.`,
    );
  const attacks = groups.flatMap((one) => ATTACKS[one]).filter((one) => one.name.includes(name));
  if (attacks.length === 0) throw new AppError("bad_request", `No attack has “${printableLine(name)}” in its name.`);
  return attacks;
}

function wayOf(name: string | undefined): Way | null {
  if (name === undefined || name === "forked" || name === "plain") return name ?? null;
  throw new AppError("bad_request", `There is no way “${printableLine(name)}”. There are: forked, plain.`);
}

/** What is really there: in a room whose Python was started inside, the agent is process 1. */
async function tierOf(ground: Ground): Promise<Way> {
  const { text } = await (await ground.room()).runCode("import os\nos.getppid()");
  return text === "1" ? "plain" : "forked";
}

function line({ group, name, layer, outcome, held, tried }: Proof): string {
  const mark = held ? "✓" : tried ? "✗" : "–";
  return printableLine(`${mark} ${group}: ${name} [${layer}]\n    ${outcome}`).replace("\\n", "\n");
}

function summary({ tier, attacks }: Report): string {
  const tried = attacks.filter((one) => one.tried);
  const through = tried.filter((one) => !one.held);
  const untried = attacks.length - tried.length;
  const head = `${tried.length} attacks on ${tier} rooms: ${tried.length - through.length} held, ${through.length} got through`;
  return `\n${head}${untried === 0 ? "." : `; ${untried} were not tried.`}${through.map((one) => `\n  ✗ ${one.group}: ${one.name}`).join("")}`;
}

/** The last proof of this machine. */
export async function keep(config: Config, report: Report): Promise<void> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await Bun.write(join(config.dataDir, "proof.json"), `${JSON.stringify(report, null, 2)}\n`);
}
