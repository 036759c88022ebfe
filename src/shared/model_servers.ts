// Servers of models, before anything is asked of a model: whether a key is accepted, and which ones run on this machine.
import { z } from "zod";
import type { Config } from "./config.ts";
import { isLocal, PROVIDER_NAMES, PROVIDERS, urlOf, type ProviderName } from "./models.ts";

const CHECK_MS = 10_000;
const PROBE_MS = 300;
const MAX_LISTED = 100;

export type KeyCheck = "accepted" | "refused" | "unreachable" | "unknown";

/** Lists the provider's models with this key: nothing is asked of any, and nothing of a person's is sent. */
export async function checkKey(
  provider: ProviderName,
  key: string,
  config: Pick<Config, "dataDir" | "model">,
): Promise<KeyCheck> {
  const base = urlOf(provider, config) ?? PROVIDERS[provider].list;
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol)) return "unknown";
  try {
    const response = await fetch(`${base.replace(/\/$/, "")}/${LISTS[provider] ?? "models"}`, {
      headers: headersOf(provider, key),
      // A redirect could carry the key elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(CHECK_MS),
    });
    await response.body?.cancel();
    if (response.ok) return "accepted";
    // Google says 400 to a key that is none.
    const isRefused =
      response.status === 401 || response.status === 403 || (provider === "google" && response.status === 400);
    return isRefused ? "refused" : "unknown";
  } catch {
    return "unreachable";
  }
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

const Listed = z.object({ data: z.array(z.object({ id: z.string().min(1).max(200) })) });

/** Those that answer as such servers do, all asked at once. They are told nothing. */
export async function findLocalServers(config: Pick<Config, "dataDir" | "model">): Promise<LocalServer[]> {
  const found = await Promise.all(PROVIDER_NAMES.filter(isLocal).map((provider) => probe(provider, config)));
  return found.filter((server) => server !== null);
}

async function probe(provider: ProviderName, config: Pick<Config, "dataDir" | "model">): Promise<LocalServer | null> {
  const base = urlOf(provider, config) ?? PROVIDERS[provider].list;
  try {
    const response = await fetch(`${base}/models`, { redirect: "manual", signal: AbortSignal.timeout(PROBE_MS) });
    const listed = Listed.safeParse(response.ok ? await response.json() : null);
    if (!listed.success) return null;
    const models = listed.data.data.map(({ id }) => id).slice(0, MAX_LISTED);
    return { provider, title: PROVIDERS[provider].title, models };
  } catch {
    return null;
  }
}
