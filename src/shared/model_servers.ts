// Servers of models, before anything is asked of a model: whether a key is accepted, and which ones run on this machine.
import { z } from "zod";
import {
  checkWantsKey,
  isLocal,
  isModelName,
  PROVIDER_NAMES,
  PROVIDERS,
  urlOf,
  type Asked,
  type ProviderName,
} from "./models.ts";
import { parseJson } from "./rows.ts";

const CHECK_MS = 10_000;
const PROBE_MS = 300;
const MAX_LISTED = 100;
/** A list of models is much smaller. */
const MAX_LIST_BYTES = 2 ** 20;

export type KeyCheck = "accepted" | "refused" | "unreachable" | "nowhere" | "unclear";

/** Why a key was not kept, for people. */
export const KEY_PROBLEMS: Readonly<Record<Exclude<KeyCheck, "accepted">, string>> = {
  refused: "The provider refused this key, so it was not kept. Copy it once more.",
  unreachable: "The provider cannot be reached, so the key could not be tried and was not kept.",
  nowhere: "There is no such service at that address, so the key could not be tried and was not kept.",
  unclear: "The provider did not say whether this key is good, so it was not kept. Try again in a moment.",
};

/**
 * Lists the provider's models with this key: nothing is asked of any, and nothing of a person's is sent. Throws AppError
 * `config` for a provider that wants no key.
 */
export async function checkKey(provider: ProviderName, key: string, config: Asked): Promise<KeyCheck> {
  checkWantsKey(config, provider);
  const base = urlOf(provider, config) ?? PROVIDERS[provider].list;
  const response = await fetch(`${base}/${LISTS[provider] ?? "models"}`, {
    headers: headersOf(provider, key),
    // A redirect could carry the key elsewhere.
    redirect: "manual",
    signal: AbortSignal.timeout(CHECK_MS),
  }).catch(() => null);
  if (response === null) return "unreachable";
  await response.body?.cancel();
  return meaningOf(provider, response);
}

function meaningOf(provider: ProviderName, { status, headers }: Response): KeyCheck {
  if (status === 401 || status === 403) return "refused";
  // Google says 400 to a key that is none.
  if (provider === "google" && status === 400) return "refused";
  if (status === 404 || (status >= 300 && status < 400)) return "nowhere";
  if (status !== 200) return "unclear";
  // Whoever stands in between, or a web site, answers with a page.
  return /json/i.test(headers.get("content-type") ?? "") ? "accepted" : "nowhere";
}

/** OpenRouter lists its models to anybody; what it says about the key needs one. */
const LISTS: Partial<Record<ProviderName, string>> = { openrouter: "key" };

function headersOf(provider: ProviderName, key: string): Record<string, string> {
  if (provider === "anthropic") return { "x-api-key": key, "anthropic-version": "2023-06-01" };
  if (provider === "google") return { "x-goog-api-key": key };
  return { Authorization: `Bearer ${key}` };
}

export type LocalServer = {
  readonly provider: ProviderName;
  readonly title: string;
  readonly models: readonly string[];
};

const Listed = z.object({
  object: z.literal("list"),
  // Ollama without a model says null.
  data: z.array(z.object({ id: z.string() })).nullable(),
});
const Version = z.object({ version: z.string() });

/** Those that answer as such servers do, all asked at once. They are told nothing. */
export async function findLocalServers(config: Asked): Promise<LocalServer[]> {
  const found = await Promise.all(PROVIDER_NAMES.filter(isLocal).map((provider) => probe(provider, config)));
  return found.filter((server) => server !== null);
}

async function probe(provider: ProviderName, config: Asked): Promise<LocalServer | null> {
  const base = urlOf(provider, config) ?? PROVIDERS[provider].list;
  const [listed, isItself] = await Promise.all([
    ask(`${base}/models`, Listed),
    provider === "ollama" ? ask(new URL("/api/version", base).href, Version) : true,
  ]);
  if (listed === null || isItself === null) return null;
  const models = (listed.data ?? []).map(({ id }) => id).filter(isModelName);
  return { provider, title: PROVIDERS[provider].title, models: models.slice(0, MAX_LISTED) };
}

/** Null for whatever is not quick and of this shape: anything may listen there. */
async function ask<T>(url: string, shape: z.ZodType<T>): Promise<T | null> {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PROBE_MS) });
    const parsed = shape.safeParse(response.status === 200 ? parseJson(await textOf(response)) : null);
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Up to a bound; what is cut off is no JSON any more. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_LIST_BYTES) break;
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
