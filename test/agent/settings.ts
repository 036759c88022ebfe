// Two models on one wire: the first, and the one that answers when it cannot.
import type { WireName } from "../../fakes/llm/script.ts";

const PROVIDERS = { chat: "compatible", responses: "openai", anthropic: "anthropic" } as const;
const FIRST = { chat: "mock", responses: "gpt-5-mini", anthropic: "claude-sonnet-4-5" } as const;

export const houseSettings = (wire: WireName): Record<string, string> => ({
  SANDPIPER_MODEL: `${PROVIDERS[wire]}:${FIRST[wire]}, ${PROVIDERS[wire]}:second`,
});
