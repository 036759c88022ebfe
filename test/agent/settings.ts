// Two models on one wire: the first, and the one that answers when it cannot.
import type { WireName } from "../../fakes/llm/script.ts";

const PROVIDERS = { chat: "compatible", responses: "openai", anthropic: "anthropic", google: "google" } as const;
const FIRST = {
  chat: "mock",
  responses: "gpt-5-mini",
  anthropic: "claude-sonnet-4-5",
  google: "gemini-2.5-flash",
} as const;

export const houseSettings = (wire: WireName): Record<string, string> => ({
  SANDPIPER_MODEL: `${PROVIDERS[wire]}:${FIRST[wire]}, ${PROVIDERS[wire]}:second`,
});
