// The routes of models: who answers, keys that are entered and never shown again, servers of this machine.
import { z } from "zod";
import type { Config } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { checkKey, findLocalServers } from "../shared/model_servers.ts";
import * as models from "../shared/models.ts";
import { route, type Route } from "./http.ts";

export type ModelDesk = { readonly config: Config };

const Key = z.strictObject({
  key: z.string().regex(/^[\x21-\x7e]{8,500}$/, "a key has 8 to 500 characters and no blanks"),
  /** Keep it even if it could not be tried. */
  untried: z.boolean().default(false),
});
const Chosen = z.strictObject({ model: z.string().max(500) });

export function modelRoutes({ config }: ModelDesk): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/models",
      summary: "Who answers, which providers have a key, and which servers of models run on this machine",
      auth: "paired",
      status: 200,
      handle: async () => ({ ...stateOf(config), local: await findLocalServers(config) }),
    }),
    route({
      method: "POST",
      path: "/api/models/keys/:provider",
      summary: "Keep a key, once the provider has accepted it",
      auth: "paired",
      body: Key,
      status: 200,
      handle: async ({ params, body }) => {
        await keep(config, params["provider"] ?? "", body);
        return stateOf(config);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/models/keys/:provider",
      summary: "Forget a key",
      auth: "paired",
      status: 200,
      handle: ({ params }) => {
        const stored = models.readStoredModels(config);
        const { [params["provider"] ?? ""]: _, ...keys } = stored.keys;
        models.writeStoredModels(config, { ...stored, keys });
        return stateOf(config);
      },
    }),
    route({
      method: "POST",
      path: "/api/models/chosen",
      summary: "Choose who answers: “provider:model”, several with commas, empty for whatever a key is there for",
      auth: "paired",
      body: Chosen,
      status: 200,
      handle: ({ body }) => {
        choose(config, body.model.trim());
        return stateOf(config);
      },
    }),
  ];
}

async function keep(config: Config, name: string, { key, untried }: z.infer<typeof Key>): Promise<void> {
  const provider = parse(name);
  const found = await checkKey(provider, key, config);
  if (found === "refused") throw new AppError("bad_request", "The provider refused this key, so it was not kept.");
  if (found !== "accepted" && !untried)
    throw new AppError("unavailable", "The key could not be tried, as the provider did not answer. It was not kept.");
  const stored = models.readStoredModels(config);
  models.writeStoredModels(config, { ...stored, keys: { ...stored.keys, [provider]: key } });
}

/** A server of this machine that a person names here, they have said yes to. */
function choose(config: Config, chosen: string): void {
  const stored = models.readStoredModels(config);
  const wanted = chosen === "" ? [] : chosen.split(",").map((one) => one.trim());
  for (const one of wanted) {
    const provider = parse(one.split(":")[0] ?? "");
    if (!one.includes(":") && models.PROVIDERS[provider].model === null)
      throw new AppError("bad_request", `Write it like “${provider}:name-of-the-model”.`);
  }
  const local = wanted.filter((one) => models.isLocal(parse(one.split(":")[0] ?? "")));
  const confirmed = [...new Set([...stored.confirmed, ...local])];
  models.writeStoredModels(config, { ...stored, chosen: wanted.join(","), confirmed });
}

function parse(name: string): models.ProviderName {
  const known = models.PROVIDER_NAMES.find((one) => one === name);
  if (known === undefined) throw new AppError("bad_request", `There is no provider “${name.slice(0, 60)}” of models.`);
  return known;
}

/** Keys are told as being there, and where: core has those of the environment by name only. */
function stateOf(config: Config) {
  const stored = models.readStoredModels(config);
  const { names, problem } = models.speakersOf(config);
  const providers = models.PROVIDER_NAMES.filter((name) => !models.isLocal(name)).map((name) => ({
    name,
    title: models.PROVIDERS[name].title,
    key: config.model.keysSet.includes(name) ? "env" : stored.keys[name] === undefined ? null : "page",
  }));
  return { speaks: names, problem, chosen: stored.chosen, isFixed: config.model.chosen !== "", providers };
}
