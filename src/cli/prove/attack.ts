// What an attack is: something tried from inside of a room, whose success would be a hole, and what is to stop it.
import type { Sandbox } from "@e2b/code-interpreter";
import type { Finding } from "./finding.ts";
import type { Ground } from "./ground.ts";

export const GROUPS = [
  "files",
  "secrets",
  "processes",
  "kernel",
  "network",
  "resources",
  "artifacts",
  "frames",
  "life",
] as const;
export type Group = (typeof GROUPS)[number];

/** The same act outside of a room, where it must succeed to mean anything; or a sentence why it is not done there. */
export type Control = string | ((ground: Ground) => Promise<Finding>);

export type Attack = {
  readonly group: Group;
  readonly name: string;
  /** What stops it. */
  readonly layer: string;
  readonly control: Control;
  readonly attempt: (ground: Ground) => Promise<Finding>;
};

export type Proof = {
  readonly group: Group;
  readonly name: string;
  readonly layer: string;
  readonly tried: boolean;
  readonly outcome: string;
  readonly held: boolean;
};

/** This machine or this version cannot try it. */
export class NotTried extends Error {
  override readonly name = "NotTried";
}

/** A common attempt gets this long; a room that answers later has not held. */
const LONGEST_MS = 60_000;
const CONTROL_MS = 20_000;
const SHOWN = 6;

/** Tries it. An attempt that breaks proves nothing and counts as one that got through. */
export async function prove(attack: Attack, ground: Ground): Promise<Proof> {
  const { group, name, layer } = attack;
  const about = { group, name, layer };
  try {
    const finding = await inTime(attack.attempt(ground), LONGEST_MS);
    const { held, outcome } = judge(finding);
    return { ...about, tried: true, outcome: `${outcome} (${await controlled(attack, ground)})`, held };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (error instanceof NotTried) return { ...about, tried: false, outcome: `not tried: ${said}`, held: false };
    return { ...about, tried: true, outcome: `the attempt broke: ${said.slice(0, 600)}`, held: false };
  }
}

export function judge({ got, seen }: Finding): { readonly held: boolean; readonly outcome: string } {
  if (got.length === 0) return { held: true, outcome: seen };
  const more = got.length > SHOWN ? ` and ${got.length - SHOWN} more` : "";
  return { held: false, outcome: `GOT ${got.slice(0, SHOWN).join("; ")}${more}` };
}

/** An error that is a mistake of the attempt, not the room's answer to it. */
export function isMistake(name: string): boolean {
  return /^(?:Attribute|Name|Type|Import|ModuleNotFound|Syntax|Indentation|Index|Key|UnboundLocal)Error$/.test(name);
}

async function controlled({ control }: Attack, ground: Ground): Promise<string> {
  if (typeof control === "string") return control;
  try {
    const { got, seen } = await inTime(control(ground), CONTROL_MS);
    return got.length > 0 ? "outside it works" : `outside not either: ${seen.slice(0, 120)}`;
  } catch (error) {
    return `outside it could not be tried: ${String(error).slice(0, 120)}`;
  }
}

async function inTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`nothing came within ${limitMs / 1_000} s`)), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lists a group's attacks. */
export function groupOf(group: Group, attacks: readonly Omit<Attack, "group">[]): Attack[] {
  return attacks.map((one) => ({ group, ...one }));
}

type More = (ground: Ground) => Record<string, unknown>;
const NOTHING: More = () => ({});

/** One function of a group's Python, in the room that benign attempts share, and the same outside as its control. */
export function scripted(source: string) {
  return (
    name: string,
    layer: string,
    act: string,
    more: More = NOTHING,
    control: Control | null = null,
  ): Omit<Attack, "group"> => ({
    name,
    layer,
    control: control ?? (async (ground) => await ground.outside(source, act, more(ground))),
    attempt: async (ground) => await ground.inside(source, act, more(ground), await ground.room()),
  });
}

/** In a room of its own, which is killed afterwards. */
export async function inRoomOfItsOwn<T>(
  ground: Ground,
  work: (sandbox: Sandbox) => Promise<T>,
  template?: string,
): Promise<T> {
  const sandbox = await ground.create({}, template);
  try {
    return await work(sandbox);
  } finally {
    await sandbox.kill().catch(() => false);
  }
}
