// What servers of models say about themselves before anything is asked: which models they have, and what they are.
import type { WireName } from "./script.ts";

/** A list of models in the form of the platform whose key came along; OpenAI's is everybody else's, too. */
export function listModels(wire: WireName, names: readonly string[]): object {
  if (wire === "google")
    return {
      models: names.map((name) => ({
        name: `models/${name}`,
        displayName: name,
        supportedGenerationMethods: ["generateContent", "streamGenerateContent", "countTokens"],
      })),
    };
  if (wire === "anthropic")
    return {
      data: names.map((id) => ({ type: "model", id, display_name: id, created_at: "2025-01-01T00:00:00Z" })),
      first_id: names.at(0) ?? null,
      last_id: names.at(-1) ?? null,
      has_more: false,
    };
  return { object: "list", data: names.map((id) => ({ id, object: "model", created: 1, owned_by: "mock" })) };
}

/** Ollama's own addresses; it wants no key. Null for any other. */
export function ollama(pathname: string, names: readonly string[]): object | null {
  if (pathname === "/api/version") return { version: "0.12.0" };
  if (pathname !== "/api/tags") return null;
  const models = names.map((name) => ({
    name,
    model: name,
    modified_at: "2025-01-01T00:00:00Z",
    size: 1,
    digest: "0".repeat(64),
    details: { format: "gguf", family: "mock", parameter_size: "1B", quantization_level: "Q4_0" },
  }));
  return { models };
}
