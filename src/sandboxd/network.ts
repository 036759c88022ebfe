// Whether and how one sandbox reaches the outside: not at all until it is opened, then through a gate with rules.
import { machineRoots } from "./egress/roots.ts";
import { Gate, type GateOptions } from "./egress/gate.ts";
import type { Contact, Totals } from "./egress/ledger.ts";
import { EGRESS_LIMITS } from "./egress/limits.ts";
import { compileRules, isClosed, type NetworkConfig, type Rules } from "./egress/rules.ts";
import type { World } from "./egress/dial.ts";
import type { Room } from "./room/room.ts";
import { openOutlet } from "./room/outlet.ts";
import type { Log } from "../shared/log.ts";

/** What a client of the control plane asks for; `hasInternet` is null where it says nothing. */
export type NetworkWish = { readonly config: NetworkConfig; readonly hasInternet: boolean | null };

/** Of E2B's description of a sandbox. */
export type NetworkDescription = { readonly allowInternetAccess: boolean; readonly network?: object };

/** A place in the room that holds no files of the user. */
const FOLDER = "/tmp/.cache/sandpiper";
const BUNDLE = `${FOLDER}/certificates.pem`;
/** wget has no variable for it. */
const WGETRC = `${FOLDER}/wgetrc`;
const CHUNK = 512 * 1024;

/** Throws AppError `bad_request` or `unsupported`. Null: nothing is opened. */
export function rulesOf({ config, hasInternet }: NetworkWish, wasOpen: boolean): Rules | null {
  const rules = compileRules(config, hasInternet !== false);
  const hasRules = (config.allowOut ?? config.denyOut ?? config.rules ?? null) !== null;
  const isAsked = hasInternet === true || hasRules || (hasInternet === null && wasOpen);
  return isAsked && !isClosed(rules) ? rules : null;
}

export class SandboxNetwork {
  readonly #room: Room;
  readonly #options: GateOptions;
  #gate: Gate | null = null;
  #sweep: Timer | undefined;
  #bundle = "";
  #isOpen = false;
  #wish: NetworkWish | null = null;

  constructor(room: Room, world: World, log: Log) {
    this.#room = room;
    this.#options = {
      world,
      limits: EGRESS_LIMITS,
      now: Date.now,
      onContact: (contact, isOpen) => log.debug(isOpen ? "egress-opened" : "egress-ended", { ...contact }),
    };
    void room.ended.then(() => this.#close());
  }

  /** Replaces all rules, also for connections that are open. Throws AppError `bad_request` or `unsupported`. */
  async set(wish: NetworkWish): Promise<void> {
    const rules = rulesOf(wish, this.#isOpen);
    if (rules === null) this.#gate?.setRules(compileRules({}, false));
    else await this.#open(rules);
    this.#isOpen = rules !== null;
    this.#wish = wish;
  }

  describe(): NetworkDescription {
    const { config, hasInternet } = this.#wish ?? { config: {}, hasInternet: false };
    const { allowOut, denyOut, rules, allowPublicTraffic } = config;
    const given = { allowOut, denyOut, rules: rules && hidden(rules), allowPublicTraffic };
    const network = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
    return {
      allowInternetAccess: this.#isOpen && hasInternet !== false,
      ...(Object.keys(network).length > 0 && { network }),
    };
  }

  contacts(): { readonly contacts: readonly Contact[]; readonly totals: Totals } {
    const none = { contacts: 0, refused: 0, bytesUp: 0, bytesDown: 0 };
    return { contacts: this.#gate?.contacts() ?? [], totals: this.#gate?.totals() ?? none };
  }

  async #open(rules: Rules): Promise<void> {
    const isFirst = this.#gate === null;
    const gate = this.#gate ?? new Gate(rules, this.#options);
    this.#gate = gate;
    await this.#trust(`${rules.headers.size > 0 ? gate.authority().certificate : ""}${machineRoots()}`);
    gate.setRules(rules);
    if (!isFirst) return;
    this.#sweep = setInterval(() => gate.sweep(), EGRESS_LIMITS.sweepMs);
    const port = await openOutlet(this.#room.channel, (pipe) => void gate.serve(pipe));
    await this.#room.channel.request({ op: "setEnvironment", values: environmentOf(port) });
  }

  async #trust(bundle: string): Promise<void> {
    if (bundle === this.#bundle) return;
    await this.#write(BUNDLE, bundle);
    await this.#write(WGETRC, `ca_certificate = ${BUNDLE}\n`);
    this.#bundle = bundle;
  }

  async #write(path: string, text: string): Promise<void> {
    const { channel } = this.#room;
    const { value } = await channel.request({ op: "openWrite", path });
    const handle = typeof value === "object" && value !== null && "handle" in value ? value.handle : null;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += CHUNK) {
      // oxlint-disable-next-line no-await-in-loop -- a file is written in its order
      await channel.request({ op: "write", handle }, bytes.subarray(at, at + CHUNK));
    }
    await channel.request({ op: "close", handle });
  }

  #close(): void {
    clearInterval(this.#sweep);
    this.#gate?.close();
  }
}

/** Whoever may ask for a description need not learn the keys that others gave. */
function hidden(rules: NonNullable<NetworkConfig["rules"]>): object {
  const entries = Object.entries(rules).map(([host, list]) => {
    const shown = list.map(({ transform }) => {
      const names = Object.keys(transform?.headers ?? {});
      return { transform: { headers: Object.fromEntries(names.map((name) => [name, "(hidden)"])) } };
    });
    return [host, shown] as const;
  });
  return Object.fromEntries(entries);
}

function environmentOf(port: number): Record<string, string> {
  const proxy = `http://127.0.0.1:${port}`;
  const none = "localhost,127.0.0.1,::1";
  return {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
    NO_PROXY: none,
    no_proxy: none,
    // Node looks at the others from version 24 on, and only when it is told to.
    NODE_USE_ENV_PROXY: "1",
    SSL_CERT_FILE: BUNDLE,
    REQUESTS_CA_BUNDLE: BUNDLE,
    CURL_CA_BUNDLE: BUNDLE,
    NODE_EXTRA_CA_CERTS: BUNDLE,
    GIT_SSL_CAINFO: BUNDLE,
    WGETRC,
  };
}
