// The routes of models: who answers, keys that are entered and never shown again, servers of this machine.
import { z } from "zod";
import type { Config } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { checkKey, findLocalServers, KEY_PROBLEMS } from "../shared/model_servers.ts";
import * as models from "../shared/models.ts";
import { route, type Route } from "./http.ts";

export type ModelDesk = { readonly config: Config };

const Key = z.strictObject({
  key: z.string().regex(/^[\x21-\x7e]{8,500}$/, "a key has 8 to 500 characters and no blanks"),
  /** Keep it without trying it. */
  untried: z.boolean().default(false),
});
const Chosen = z.strictObject({ model: z.string().max(500) });

const Provider = z.object({
  name: z.string(),
  title: z.string(),
  /** Where its key is; null: it has none. */
  key: z.enum(["env", "page"]).nullable(),
  /** Asked where nobody names another; null where nobody can know. */
  model: z.string().nullable(),
  /** Why no key can be entered; "" where one can. */
  hint: z.string(),
});
const State = z.object({
  /** "provider:model", in the order in which they are asked; none: the built-in planner. */
  speaks: z.array(z.string()),
  problem: z.string().nullable(),
  chosen: z.string(),
  /** SANDPIPER_MODEL is set and wins over what is chosen here. */
  isFixed: z.boolean(),
  providers: z.array(Provider),
  /** Servers of this machine that a person said yes to. */
  confirmed: z.array(z.string()),
});
const Found = z.object({ provider: z.string(), title: z.string(), models: z.array(z.string()) });

export function modelRoutes({ config }: ModelDesk): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/models",
      summary: "Who answers, which providers have a key, and which servers of models run on this machine",
      auth: "paired",
      status: 200,
      response: State.extend({ local: z.array(Found) }),
      handle: async () => ({ ...stateOf(config), local: await findLocalServers(config) }),
    }),
    route({
      method: "POST",
      path: "/api/models/keys/:provider",
      summary: "Keep a key, once the provider has accepted it",
      auth: "paired",
      body: Key,
      status: 200,
      response: State,
      handle: async ({ params, body }) => {
        await refusable(() => keep(config, models.parseProvider(params["provider"] ?? ""), body));
        return stateOf(config);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/models/keys/:provider",
      summary: "Forget a key, or that a server of this machine may be asked",
      auth: "paired",
      status: 200,
      response: State,
      handle: async ({ params }) => {
        await refusable(() => models.forgetProvider(config, models.parseProvider(params["provider"] ?? "")));
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
      response: State,
      handle: async ({ body }) => {
        await refusable(() => models.chooseModels(config, body.model));
        return stateOf(config);
      },
    }),
  ];
}

async function keep(
  config: Config,
  provider: models.ProviderName,
  { key, untried }: z.infer<typeof Key>,
): Promise<void> {
  const found = untried ? "accepted" : await checkKey(provider, key, config);
  if (found !== "accepted")
    throw new AppError(found === "refused" ? "bad_request" : "unavailable", KEY_PROBLEMS[found]);
  models.keepKey(config, provider, key);
}

/** What makes no sense in a setting is the fault of the request here. */
async function refusable(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "config") throw error;
    throw new AppError("bad_request", error.message);
  }
}

/** Keys are told as being there, and where: core has those of the environment by name only. */
function stateOf(config: Config): z.infer<typeof State> {
  const stored = models.readStoredModels(config);
  const { names, problem } = models.speakersOf(config);
  const hosted = models.PROVIDER_NAMES.filter((name) => !models.isLocal(name));
  return {
    speaks: [...names],
    problem,
    chosen: stored.chosen,
    isFixed: config.model.chosen !== "",
    providers: hosted.map((name) => ({
      name,
      title: models.PROVIDERS[name].title,
      key: config.model.keysSet.includes(name) ? "env" : stored.keys[name] === undefined ? null : "page",
      model: models.PROVIDERS[name].model,
      hint: name === "compatible" && models.urlOf(name, config) === null ? NO_ADDRESS : "",
    })),
    confirmed: stored.confirmed,
  };
}

const NO_ADDRESS = "Put its address into .env as SANDPIPER_MODEL_URL and start Sandpiper again.";
