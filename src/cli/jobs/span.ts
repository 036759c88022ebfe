// How long ago, as people type it: 30d, 12h.
import { AppError } from "../../shared/errors.ts";

const UNITS_MS: { readonly [unit: string]: number } = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Throws AppError `bad_request` with a sentence that names the option. */
export function parseSpan(option: string, text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text.trim()) ?? [];
  const unitMs = UNITS_MS[unit];
  if (count !== undefined && unitMs !== undefined) return Number(count) * unitMs;
  throw new AppError("bad_request", `${option} is “${text}”, but must be a number and a unit, like 30d, 12h or 2w.`);
}
