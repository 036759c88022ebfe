// Database rows, parsed once: even our own table may have been written by a stranger.
import { z } from "zod";

/** A JSON column as whatever it holds; what is not JSON becomes undefined. SQLite may hand out a number for '123'. */
export function parseJson(column: unknown): unknown {
  if (typeof column === "number" || typeof column === "bigint") return column;
  // Strangers may have written bytes, which are an object with a key for each.
  if (typeof column !== "string") return undefined;
  try {
    return JSON.parse(column);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export const text = z.string();
export const integer = z.coerce.number().int();
export const optionalText = z.string().nullable();
export const optionalInteger = z.coerce.number().int().nullable();
