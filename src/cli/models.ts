// `sandpiper models`: who answers, keys, and servers of models on this machine.
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { loadConfig, readEnvironment, type Config } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { checkKey, findLocalServers, KEY_PROBLEMS } from "../shared/model_servers.ts";
import * as models from "../shared/models.ts";
import { printable } from "./printable.ts";

export const usage = `models                         who answers, which keys are there, and which servers run on this machine
  models key PROVIDER            enter a key (hidden, or from standard input); it is tried before it is kept
    --untried     keep it without trying it
  models use PROVIDER:MODEL,…    ask this model, and the next ones if it is out of order; “auto” forgets the choice
  models forget PROVIDER         forget its key, or that it may be used`;

export async function run(args: readonly string[] = []): Promise<number> {
  const config = loadConfig(readEnvironment());
  const [verb = "show", subject, ...more] = args.filter((arg) => arg !== "--untried");
  if (more.length > 0) throw new AppError("bad_request", `That is too much at once.\n\n  ${usage}`);
  if (verb === "show" && subject === undefined) return await show(config);
  if (subject === undefined) throw new AppError("bad_request", `Say which one.\n\n  ${usage}`);
  if (verb === "key") return await enter(config, models.parseProvider(subject), args.includes("--untried"));
  if (verb === "use") return use(config, subject);
  if (verb === "forget") return forget(config, models.parseProvider(subject));
  throw new AppError("bad_request", `“${printable(verb)}” is nothing that can be done with models.\n\n  ${usage}`);
}

async function show(config: Config): Promise<number> {
  const { names, problem } = models.speakersOf(config);
  const stored = models.readStoredModels(config);
  if (problem !== null) console.log(problem);
  else
    console.log(
      `Who answers: ${names.length === 0 ? "the built-in planner, without a model" : names.map(printable).join(", then ")}`,
    );
  const withKey = models.PROVIDER_NAMES.filter((name) => models.keyOf(name, config, stored) !== null);
  console.log(`Keys: ${withKey.length === 0 ? "none" : withKey.join(", ")}`);
  for (const { provider, title, models: known } of await findLocalServers(config)) {
    const some = known.slice(0, 5).map((model) => `${provider}:${printable(model)}`);
    console.log(
      `Found on this machine: ${title} (${some.join(", ") || "no models"}). To use one: bun run models -- use ${some[0] ?? provider}`,
    );
  }
  return 0;
}

async function enter(config: Config, provider: models.ProviderName, isUntried: boolean): Promise<number> {
  const key = await readKey(`Key of ${models.PROVIDERS[provider].title}: `);
  if (!/^[\x21-\x7e]{8,500}$/.test(key))
    throw new AppError("bad_request", "That is no key: it has 8 to 500 characters and no blanks.");
  const found = isUntried ? "accepted" : await checkKey(provider, key, config);
  if (found !== "accepted")
    throw new AppError("bad_request", `${KEY_PROBLEMS[found]} With --untried it is kept as it is.`);
  models.keepKey(config, provider, key);
  console.log(`${isUntried ? "The key is kept, untried," : "The key was accepted and is kept"} in data/models.json.`);
  return 0;
}

function use(config: Config, chosen: string): number {
  models.chooseModels(config, chosen === "auto" ? "" : chosen);
  if (config.model.chosen !== "") console.log(`SANDPIPER_MODEL is set (${printable(config.model.chosen)}) and wins.`);
  return 0;
}

function forget(config: Config, provider: models.ProviderName): number {
  models.forgetProvider(config, provider);
  if (config.model.keysSet.includes(provider)) console.log("Its key is in the environment or in .env, where it stays.");
  return 0;
}

/** Without showing it; one line of standard input where nobody sits. */
async function readKey(question: string): Promise<string> {
  if (!process.stdin.isTTY) return ((await Bun.stdin.text()).split("\n")[0] ?? "").trim();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Only now: from here on nothing that is typed is shown.
  process.stderr.write(question);
  try {
    return (await terminal.question("")).trim();
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
