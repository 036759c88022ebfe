// Schemas of tools, as far as the platforms look into them: a schema that is none is refused before a model is asked.
import { z } from "zod";
import { Refused } from "./script.ts";

const Type = z.enum(["object", "array", "string", "number", "integer", "boolean", "null"]);
const Schema = z.looseObject({
  type: z.union([Type, z.array(Type).min(1)]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  anyOf: z.array(z.unknown()).min(1).optional(),
  oneOf: z.array(z.unknown()).min(1).optional(),
  allOf: z.array(z.unknown()).min(1).optional(),
});

export type SchemaRules = {
  /** A list must say what is in it. */
  readonly needsItems: boolean;
  /** What is wrong, in the platform's words. */
  readonly words: (place: string, problem: string) => string;
};

/** Throws Refused with the first thing that is wrong, and where. */
export function checkSchema(schema: unknown, rules: SchemaRules, place: readonly string[] = []): void {
  const refuse = (problem: string) => new Refused(rules.words(place.map((one) => `'${one}'`).join(", "), problem));
  // A schema may also say only that everything, or nothing, is right.
  if (typeof schema === "boolean") return;
  const parsed = Schema.safeParse(schema);
  if (!parsed.success) throw refuse(`${JSON.stringify(schema)} is not valid: ${z.prettifyError(parsed.error)}`);
  const { type, properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = parsed.data;
  if (rules.needsItems && type === "array" && items === undefined) throw refuse("array schema missing items");
  for (const [name, inner] of Object.entries(properties)) checkSchema(inner, rules, [...place, "properties", name]);
  if (items !== undefined) checkSchema(items, rules, [...place, "items"]);
  for (const inner of [...anyOf, ...oneOf, ...allOf]) checkSchema(inner, rules, place);
}

/** No two tools have the same name. */
export function checkUnique(tools: readonly { readonly name: string }[], words: (name: string) => string): void {
  const twice = tools.find(({ name }, at) => tools.findIndex((one) => one.name === name) !== at);
  if (twice !== undefined) throw new Refused(words(twice.name));
}
