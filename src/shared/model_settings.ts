// What the environment says about models: which, with which keys, where, and how long they may go on.
import { AppError } from "./errors.ts";
import type { SETTINGS } from "./settings.ts";

type Name = (typeof SETTINGS)[number]["env"];

export type ModelSettings = {
  /** "provider:model", several with commas; empty: whatever a key is there for. */
  readonly chosen: string;
  readonly keys: Readonly<Record<"anthropic" | "openai" | "google" | "openrouter" | "groq" | "compatible", string>>;
  /** Providers whose key is in the environment; core is told their names, and not the keys. */
  readonly keysSet: readonly string[];
  /** By provider, without a slash at the end; empty: as usual. */
  readonly urls: Readonly<Record<string, string>>;
  /** 0: as known of the model. */
  readonly contextTokens: number;
  readonly steps: number;
  readonly repairs: number;
};

/** Settings that say where models are: no secrets, and core must know them to try a key where it will be used. */
export const ADDRESSES = /^(SANDPIPER_MODEL_URL|(ANTHROPIC|OPENAI|GOOGLE|OLLAMA)_BASE_URL)$/;

/** Throws AppError `config` with one clear sentence. */
export function modelSettings(
  text: (name: Name) => string,
  whole: (name: Name, min: number, max: number) => number,
): ModelSettings {
  const keys = {
    anthropic: text("ANTHROPIC_API_KEY"),
    openai: text("OPENAI_API_KEY"),
    google: text("GOOGLE_GENERATIVE_AI_API_KEY") || text("GEMINI_API_KEY"),
    openrouter: text("OPENROUTER_API_KEY"),
    groq: text("GROQ_API_KEY"),
    compatible: text("SANDPIPER_MODEL_KEY"),
  };
  const told = text("SANDPIPER_MODELS_SET").split(",").filter(Boolean);
  const own = Object.entries(keys).flatMap(([provider, key]) => (key === "" ? [] : [provider]));
  const address = (name: Name, usual: string): string => addressOf(name, text(name), usual);
  const urls = {
    anthropic: address("ANTHROPIC_BASE_URL", "/v1"),
    openai: address("OPENAI_BASE_URL", "/v1"),
    google: address("GOOGLE_BASE_URL", "/v1beta"),
    compatible: address("SANDPIPER_MODEL_URL", ""),
    ollama: address("OLLAMA_BASE_URL", "/v1"),
  };
  return {
    chosen: text("SANDPIPER_MODEL"),
    keys,
    keysSet: [...new Set([...own, ...told])],
    urls,
    contextTokens: whole("SANDPIPER_CONTEXT_TOKENS", 0, 10_000_000),
    steps: whole("SANDPIPER_MODEL_STEPS", 1, 100),
    repairs: whole("SANDPIPER_MODEL_REPAIRS", 0, 20),
  };
}

/** Other programs take the same setting without the path that the protocol begins with (`usual`), so both are right. */
function addressOf(name: Name, value: string, usual: string): string {
  if (value === "") return "";
  const url = URL.parse(value);
  // The value is not told: it may hold a password.
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    `${url.username}${url.password}${url.search}${url.hash}` !== ""
  )
    throw new AppError(
      "config",
      `${name} must be an address like https://example.com/v1, without a user, a password or a question mark in it.`,
    );
  return `${url.origin}${url.pathname === "/" ? usual : url.pathname.replace(/\/+$/, "")}`;
}
