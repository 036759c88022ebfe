// Models as the fake core tells of them: one key is good, all others are refused.
import type { Models, ModelState, Provider } from "../../src/web/api.ts";

export const GOOD_KEY = "sk-good-0123456789";

const provider = (name: string, title: string, model: string | null, hint = ""): Provider => ({
  name,
  title,
  key: null,
  model,
  hint,
});

export class FakeModels {
  state: Models = {
    speaks: [],
    problem: null,
    chosen: "",
    isFixed: false,
    providers: [
      provider("anthropic", "Anthropic", "claude-sonnet-5"),
      provider("openai", "OpenAI", "gpt-5.4-mini"),
      provider("compatible", "Another server", null, "Put its address into .env as SANDPIPER_MODEL_URL."),
    ],
    confirmed: [],
    local: [],
  };
  /** When set, a key cannot be tried, for this reason. */
  outage = "";
  /** What came in, as JSON. */
  readonly bodies: string[] = [];
  /** What it waits for holds the answer to a key back. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();

  /** Null: there is no such thing. */
  async answer(request: Request, what: string, name: string | undefined): Promise<Response | null> {
    if (what === "") return Response.json(this.state);
    const body: unknown = request.method === "POST" ? await request.json() : {};
    this.bodies.push(JSON.stringify(body));
    if (what === "chosen") return this.#choose(fieldOf(body, "model"));
    if (what !== "keys" || name === undefined) return null;
    if (request.method === "DELETE") return this.#forget(name);
    await this.beforeAnswer();
    return this.#enter(name, fieldOf(body, "key"), fieldOf(body, "untried") === "true");
  }

  #enter(name: string, key: string, isUntried: boolean): Response {
    if (!isUntried && this.outage !== "") return refuse(503, this.outage);
    if (!isUntried && key !== GOOD_KEY) return refuse(400, "The provider refused this key, so it was not kept.");
    return this.#change({ providers: this.#providers(name, "page"), speaks: [`${name}:${this.#modelOf(name)}`] });
  }

  #forget(name: string): Response {
    const isOther = (one: string): boolean => !one.startsWith(`${name}:`);
    const { confirmed, speaks } = this.state;
    return this.#change({
      providers: this.#providers(name, null),
      confirmed: confirmed.filter(isOther),
      speaks: speaks.filter(isOther),
      chosen: "",
    });
  }

  #choose(chosen: string): Response {
    const names = chosen.split(",").map((one) => one.trim());
    if (names.includes("nobody")) return refuse(400, "There is no provider “nobody” of models.");
    const speaks = chosen === "" ? [] : names.map((one) => (one.includes(":") ? one : `${one}:${this.#modelOf(one)}`));
    const local = speaks.filter((one) => this.state.local.some((server) => one.startsWith(`${server.provider}:`)));
    return this.#change({ speaks, chosen: names.join(","), confirmed: [...this.state.confirmed, ...local] });
  }

  #providers(name: string, key: Provider["key"]): readonly Provider[] {
    return this.state.providers.map((one) => (one.name === name ? { ...one, key } : one));
  }

  #modelOf(name: string): string {
    return this.state.providers.find((one) => one.name === name)?.model ?? "";
  }

  #change(change: Partial<ModelState>): Response {
    this.state = { ...this.state, ...change };
    const { local: _, ...state } = this.state;
    return Response.json(state);
  }
}

function fieldOf(body: unknown, name: string): string {
  return typeof body === "object" && body !== null ? String(Reflect.get(body, name)) : "";
}

const refuse = (status: number, message: string): Response =>
  Response.json({ error: { code: "bad_request", message } }, { status });
