// Which models are asked, in which order, and with which keys. Keys come from the environment (.env) or from a file that only
// its owner reads, into which the settings page writes; the environment wins.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Config } from "./config.ts";
import { AppError } from "./errors.ts";
import { parseJson } from "./rows.ts";
import type { ModelRef } from "./types.ts";

type Provider = {
  readonly title: string;
  /** Null where none is wanted. */
  readonly keySetting: keyof Config["model"]["keys"] | null;
  /** Null: the provider's own, known to its library. */
  readonly url: string | null;
  /** Asked where none is named; null where nobody can know. */
  readonly model: string | null;
  /** Where its models are listed, for trying a key. */
  readonly list: string;
};

/** In the order in which a key alone decides. The last five are servers of this machine. */
export const PROVIDERS = {
  anthropic: {
    title: "Anthropic",
    keySetting: "anthropic",
    url: null,
    model: "claude-sonnet-5",
    list: "https://api.anthropic.com/v1",
  },
  openai: {
    title: "OpenAI",
    keySetting: "openai",
    url: null,
    model: "gpt-5.4-mini",
    list: "https://api.openai.com/v1",
  },
  google: {
    title: "Google",
    keySetting: "google",
    url: null,
    model: "gemini-3.5-flash",
    list: "https://generativelanguage.googleapis.com/v1beta",
  },
  openrouter: {
    title: "OpenRouter",
    keySetting: "openrouter",
    url: "https://openrouter.ai/api/v1",
    model: "openai/gpt-5.4-mini",
    list: "https://openrouter.ai/api/v1",
  },
  groq: {
    title: "Groq",
    keySetting: "groq",
    url: "https://api.groq.com/openai/v1",
    model: "openai/gpt-oss-120b",
    list: "https://api.groq.com/openai/v1",
  },
  compatible: { title: "Another server", keySetting: "compatible", url: null, model: null, list: "" },
  ollama: local("Ollama", 11_434),
  lmstudio: local("LM Studio", 1_234),
  llamacpp: local("llama.cpp", 8_080),
  vllm: local("vLLM", 8_000),
  jan: local("Jan", 1_337),
} as const satisfies Record<string, Provider>;

export type ProviderName = keyof typeof PROVIDERS;

export const PROVIDER_NAMES = Object.keys(PROVIDERS).filter((name): name is ProviderName => name in PROVIDERS);

function local(title: string, port: number) {
  const url = `http://127.0.0.1:${port}/v1`;
  return { title, keySetting: null, url, model: null, list: url } as const;
}

/** Whether it runs on this machine, where nothing costs anything and nobody wants a key. */
export const isLocal = (name: string): boolean =>
  PROVIDER_NAMES.some((one) => one === name && PROVIDERS[one].keySetting === null);

const Stored = z.object({
  /** By provider. */
  keys: z.record(z.string(), z.string().min(1)).default({}),
  /** As in SANDPIPER_MODEL; what a person chose on the page or in the terminal. */
  chosen: z.string().default(""),
  /** Local servers that a person said yes to: "ollama:llama3.2". */
  confirmed: z.array(z.string()).default([]),
});
export type StoredModels = z.infer<typeof Stored>;

const storedModelsFile = ({ dataDir }: Pick<Config, "dataDir">): string => join(dataDir, "models.json");

export function readStoredModels(config: Pick<Config, "dataDir">): StoredModels {
  const file = storedModelsFile(config);
  const parsed = Stored.safeParse(existsSync(file) ? parseJson(readFileSync(file, "utf8")) : {});
  if (parsed.success) return parsed.data;
  throw new AppError("config", "data/models.json cannot be read. Delete it and enter the keys again.");
}

/** Whole or not at all, and for its owner only. */
function writeStoredModels(config: Pick<Config, "dataDir">, stored: StoredModels): void {
  const file = storedModelsFile(config);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.part`, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600, flush: true });
  chmodSync(`${file}.part`, 0o600);
  renameSync(`${file}.part`, file);
}

/**
 * As in SANDPIPER_MODEL; empty: whatever a key is there for. A server of this machine that a person names here, they have said
 * yes to. What cannot be asked is refused here and not at the next question: AppError `config`.
 */
export function chooseModels(config: Asked, wanted: string): void {
  const names = wanted.split(",").map((one) => one.trim());
  const chosen = names.filter((one) => one !== "");
  const stored = readStoredModels(config);
  const local = chosen.filter((one) => isLocal(providerOf(one)));
  const next = {
    ...stored,
    chosen: chosen.join(","),
    confirmed: [...stored.confirmed.filter((one) => !local.includes(one)), ...local],
  };
  chosenModels({ ...config, model: { ...config.model, chosen: "" } }, next);
  writeStoredModels(config, next);
}

/** Throws AppError `config` where none is wanted. */
export function keepKey(config: Asked, provider: ProviderName, key: string): void {
  checkWantsKey(config, provider);
  const stored = readStoredModels(config);
  writeStoredModels(config, { ...stored, keys: { ...stored.keys, [provider]: key } });
}

/** Throws AppError `config` for a provider to which no key can be sent. */
export function checkWantsKey(config: Asked, provider: ProviderName): void {
  if (isLocal(provider)) throw new AppError("config", `${PROVIDERS[provider].title} runs here and wants no key.`);
  if (provider === "compatible" && urlOf(provider, config) === null) throw noUrl();
}

/** Its key, or that it may be used, and that it was chosen: what cannot be asked any more is not asked for. */
export function forgetProvider(config: Asked, provider: ProviderName): void {
  const { keys: all, chosen, confirmed } = readStoredModels(config);
  const { [provider]: _, ...keys } = all;
  const isOther = (one: string): boolean => !isOf(one, provider);
  const isInEnvironment = config.model.keysSet.includes(provider);
  writeStoredModels(config, {
    keys,
    chosen: isInEnvironment ? chosen : chosen.split(",").filter(isOther).join(","),
    confirmed: confirmed.filter(isOther),
  });
}

export type Asked = Pick<Config, "dataDir" | "model">;

/** The models to ask, the first one first; none: the built-in planner. Throws AppError `config` for what makes no sense. */
export function chosenModels(config: Asked, stored: StoredModels = readStoredModels(config)): readonly ModelRef[] {
  const chosen = config.model.chosen || stored.chosen;
  if (chosen !== "") return chosen.split(",").flatMap((one) => toRef(one.trim(), config, stored, true) ?? []);
  const byKey = PROVIDER_NAMES.find(
    (name) => !isLocal(name) && name !== "compatible" && keyOf(name, config, stored) !== null,
  );
  if (byKey !== undefined) return [toRef(byKey, config, stored, true)].filter((ref) => ref !== null);
  return stored.confirmed.flatMap((one) => toRef(one, config, stored, false) ?? []);
}

const noUrl = () =>
  new AppError("config", "The provider “compatible” needs SANDPIPER_MODEL_URL in .env, the address of its server.");

/** For people: "anthropic:claude-sonnet-5". A model that cannot be asked as things stand says why. */
export function speakersOf(config: Asked): { readonly names: readonly string[]; readonly problem: string | null } {
  try {
    return { names: chosenModels(config).map(({ provider, model }) => `${provider}:${model}`), problem: null };
  } catch (error) {
    if (error instanceof AppError && error.code === "config") return { names: [], problem: error.message };
    throw error;
  }
}

/** Of one in a list of wishes. Throws AppError `config` for a provider that there is not. */
const providerOf = (wanted: string): ProviderName => parseProvider(wanted.split(":", 1)[0] ?? "");

const isOf = (wanted: string, provider: ProviderName): boolean => wanted.split(":", 1)[0] === provider;

function toRef(wanted: string, config: Asked, stored: StoredModels, isNamed: boolean): ModelRef | null {
  const at = wanted.indexOf(":");
  const provider = providerOf(wanted);
  if (isLocal(provider) && isNamed && config.model.chosen === "" && !stored.confirmed.includes(wanted)) return null;
  const model = at < 0 ? (PROVIDERS[provider].model ?? "") : wanted.slice(at + 1);
  if (!isModelName(model))
    throw new AppError(
      "config",
      `“${wanted.slice(0, 100)}” names no model. Write it like “${provider}:name-of-the-model”.`,
    );
  const key = keyOf(provider, config, stored);
  const url = urlOf(provider, config);
  if (key === null && !isLocal(provider) && provider !== "compatible")
    throw new AppError(
      "config",
      `The model “${wanted}” needs a key of ${PROVIDERS[provider].title}. Put it into .env, or enter it under Models on the dashboard.`,
    );
  if (provider === "compatible" && url === null) throw noUrl();
  return { provider, model, key, url };
}

/** What can stand in a list with commas, on a page and in a terminal. */
export const isModelName = (name: string): boolean => /^[^\s,\p{C}]{1,200}$/u.test(name);

/** Throws AppError `config`. */
export function parseProvider(name: string): ProviderName {
  const known = PROVIDER_NAMES.find((one) => one === name);
  if (known !== undefined) return known;
  throw new AppError(
    "config",
    `There is no provider “${name.slice(0, 60)}” of models. There are: ${PROVIDER_NAMES.join(", ")}.`,
  );
}

/** Null where there is none. Of a key that only the worker was given, core knows that it is there: it is empty then. */
export function keyOf(name: ProviderName, config: Asked, stored: StoredModels): string | null {
  const { keySetting } = PROVIDERS[name];
  const key = keySetting === null ? "" : config.model.keys[keySetting];
  return key || stored.keys[name] || (config.model.keysSet.includes(name) ? "" : null);
}

/** Null: that of the provider's library. */
export function urlOf(name: ProviderName, config: Asked): string | null {
  const set = config.model.urls[name];
  return set === undefined || set === "" ? PROVIDERS[name].url : set;
}
