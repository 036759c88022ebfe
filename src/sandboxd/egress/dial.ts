// From a host to a connection: looked up once, every address checked, and only a checked address is dialled.
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { Duplex } from "node:stream";
import { ownNetworks, parseAddress, refusalOf, type Address, type Network } from "./address.ts";
import { Refusal } from "./refusal.ts";
import { decide, mayResolve, type Rules } from "./rules.ts";
import type { Target } from "./target.ts";

/** The world outside, so that tests can have one of their own. */
export type World = {
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly dial: (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;
  readonly secure: (socket: Duplex, host: string, signal: AbortSignal) => Promise<Duplex>;
  /** What is wrong with an address, or null. */
  readonly isRefused: (address: Address) => string | null;
};

export type Checked = { readonly address: string; readonly rule: string };

const MAX_ADDRESSES = 64;
const OWN_KEPT_MS = 5_000;

export function realWorld(): World {
  let own: readonly Network[] = [];
  let ownAt = Number.NEGATIVE_INFINITY;
  return {
    // The dot at the end keeps the search list of this machine out of it.
    resolve: async (host) => (await lookup(`${host}.`, { all: true, order: "verbatim" })).map((one) => one.address),
    dial: async (address, port, signal) =>
      await opened(connect({ host: address, port, noDelay: true, allowHalfOpen: true }), "connect", signal),
    secure: async (socket, host, signal) => {
      const secured = connectSecurely({ socket, servername: host, ALPNProtocols: ["http/1.1"] });
      return await opened(secured, "secureConnect", signal);
    },
    isRefused: (address) => {
      if (performance.now() - ownAt > OWN_KEPT_MS) [own, ownAt] = [ownNetworks(), performance.now()];
      return refusalOf(address, own);
    },
  };
}

/** The addresses that may be dialled for this target, in their order. Throws Refusal. */
export async function check(world: World, rules: Rules, { host, port, address }: Target): Promise<readonly Checked[]> {
  if (address === null && !mayResolve(rules, host, port)) throw notAllowed(host, port, "denyOut 0.0.0.0/0");
  const texts = address === null ? await lookUp(world, host) : [host];
  const addresses = texts.map((text) => ({ text, address: parseAddress(text) }));
  for (const one of addresses) {
    const what = one.address === null ? "no address" : world.isRefused(one.address);
    // One bad address among good ones is how names are made to point into a network: the whole name is refused.
    if (what !== null) throw new Refusal(403, "address", `${host} is ${what}, which no sandbox may reach.`);
  }
  const decided = addresses.flatMap((one) =>
    one.address === null ? [] : [{ address: one.text, ...decide(rules, host, one.address, port) }],
  );
  const allowed = decided.filter((one) => one.allowed);
  if (allowed.length === 0) throw notAllowed(host, port, decided[0]?.rule ?? "no address");
  return allowed;
}

/** The first of the addresses that answers. Throws Refusal. */
export async function reach(
  world: World,
  target: Target,
  checked: readonly Checked[],
  wait: { readonly attemptMs: number; readonly signal: AbortSignal },
): Promise<{ readonly socket: Duplex; readonly address: string; readonly rule: string }> {
  const { signal } = wait;
  let last: unknown;
  for (const { address, rule } of checked.slice(0, 4)) {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(wait.attemptMs)]);
    try {
      // oxlint-disable-next-line no-await-in-loop -- the next one is for when this one fails
      return { socket: await world.dial(address, target.port, attempt), address, rule };
    } catch (error) {
      last = error;
      if (signal.aborted) break;
    }
  }
  const why = signal.aborted ? "it did not answer in time" : codeOf(last);
  throw new Refusal(
    signal.aborted ? 504 : 502,
    "connection",
    `${target.host}:${target.port} cannot be reached: ${why}.`,
  );
}

async function lookUp(world: World, host: string): Promise<readonly string[]> {
  try {
    const found = await world.resolve(host);
    if (found.length > 0 && found.length <= MAX_ADDRESSES) return found;
  } catch {
    // Which kind of failure it was is the resolver's matter; the name has no address for us.
  }
  throw new Refusal(502, "name", `The name ${host} has no address.`);
}

function notAllowed(host: string, port: number, rule: string): Refusal {
  return new Refusal(403, rule, `${host}:${port} is not allowed for this sandbox (${rule}).`);
}

/** A code such as ECONNREFUSED; what TLS says about a certificate is worth reading as well. */
export function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code;
  return "the connection failed";
}

async function opened<One extends Duplex>(socket: One, event: string, signal: AbortSignal): Promise<One> {
  const done = Promise.withResolvers<void>();
  const abort = (): void => done.reject(new Error("It took too long."));
  signal.addEventListener("abort", abort, { once: true });
  socket.once(event, done.resolve);
  socket.once("error", done.reject);
  socket.once("close", () => done.reject(new Error("It was closed.")));
  try {
    if (signal.aborted) abort();
    await done.promise;
    return socket;
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.removeListener("error", done.reject);
  }
}
