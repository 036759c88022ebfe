// The one way out of one sandbox: its rules, which may change at any time, its limits, and its ledger.
import { createAuthority, type Authority } from "./certificates.ts";
import { check, codeOf, reach, type World } from "./dial.ts";
import { Ledger, type Contact, type Entry, type OnContact, type Totals } from "./ledger.ts";
import type { EgressLimits } from "./limits.ts";
import { pipeOf, type Pipe } from "./pipe.ts";
import { serve } from "./proxy.ts";
import { Refusal } from "./refusal.ts";
import { decide, headersFor, type Headers, type Rules } from "./rules.ts";
import type { Target } from "./target.ts";
import { parseAddress } from "./address.ts";

export type GateOptions = {
  readonly world: World;
  readonly limits: EgressLimits;
  readonly now: () => number;
  readonly onContact: OnContact;
};

/** A connection to a host, counted; `headers` are to be set on every request. */
export type Upstream = { readonly target: Target; readonly pipe: Pipe; readonly headers: Headers | undefined };

/** One connection of a client in the room. */
export type Visit = {
  readonly client: Pipe;
  readonly headBytes: number;
  /** The next request is waited for, but not for ever. */
  readonly expectHead: () => void;
  /** Where the client's TLS ends here: on hosts whose requests get headers. */
  readonly intercepts: (target: Target) => boolean;
  readonly authority: () => Authority;
  /** A host of these rules, or Refusal. There is one at a time: an earlier one is closed. */
  readonly open: (target: Target) => Promise<Upstream>;
  /** A request that is refused before a host is asked for. */
  readonly note: (target: Target | null, refusal: Refusal) => void;
};

type Line = { readonly target: Target; readonly address: string; readonly entry: Entry; readonly pipe: Pipe };

/** What the sweep looks at. */
type Clock = { phase: "head" | "connect" | "open"; since: number };

const MINUTE_MS = 60_000;
const TLS_PORT = 443;

export class Gate {
  readonly #options: GateOptions;
  readonly #ledger: Ledger;
  readonly #visits = new Set<Door>();
  #rules: Rules;
  #authority: Authority | null = null;
  #minute = { from: 0, connections: 0 };

  constructor(rules: Rules, options: GateOptions) {
    this.#rules = rules;
    this.#options = options;
    this.#ledger = new Ledger(options.now, options.onContact);
  }

  /** Holds for open connections, too: those that are no longer allowed end at once. */
  setRules(rules: Rules): void {
    this.#rules = rules;
    for (const door of this.#visits) door.recheck(rules);
  }

  /** The certificate to trust in the room, from which those of the hosts with headers follow. */
  authority(): Authority {
    this.#authority ??= createAuthority(this.#options.now());
    return this.#authority;
  }

  /** Resolves when the connection is over, whatever came of it. */
  async serve(client: Pipe): Promise<void> {
    const door = new Door(client, this.#options, this.#ledger, {
      rules: () => this.#rules,
      authority: () => this.authority(),
    });
    const tooMany = this.#tooMany();
    this.#visits.add(door);
    try {
      await serve(door, tooMany);
    } finally {
      door.close();
      this.#visits.delete(door);
    }
  }

  /** Ends what is too slow; to be called about every second. */
  sweep(): void {
    for (const door of this.#visits) door.sweep();
  }

  close(): void {
    for (const door of this.#visits) door.close();
  }

  contacts(): Contact[] {
    return this.#ledger.contacts();
  }

  totals(): Totals {
    return this.#ledger.totals();
  }

  #tooMany(): Refusal | null {
    const { limits, now } = this.#options;
    if (this.#visits.size >= limits.connections)
      return new Refusal(429, "connections", `A sandbox may have ${limits.connections} connections at once.`);
    if (now() - this.#minute.from >= MINUTE_MS) this.#minute = { from: now(), connections: 0 };
    this.#minute.connections++;
    if (this.#minute.connections <= limits.connectionsPerMinute) return null;
    return new Refusal(
      429,
      "connections-per-minute",
      `A sandbox may open ${limits.connectionsPerMinute} connections in a minute.`,
    );
  }
}

type Surroundings = { readonly rules: () => Rules; readonly authority: () => Authority };

class Door implements Visit {
  readonly client: Pipe;
  readonly #options: GateOptions;
  readonly #ledger: Ledger;
  readonly #around: Surroundings;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  #connecting: AbortController | null = null;
  #line: Line | null = null;

  constructor(client: Pipe, options: GateOptions, ledger: Ledger, around: Surroundings) {
    this.client = client;
    this.#options = options;
    this.#ledger = ledger;
    this.#around = around;
    this.#clock = { phase: "head", since: options.now() };
    void client.broken.then(() => this.close());
  }

  get headBytes(): number {
    return this.#options.limits.headBytes;
  }

  authority(): Authority {
    return this.#around.authority();
  }

  intercepts({ host, port, address }: Target): boolean {
    return address === null && port === TLS_PORT && headersFor(this.#around.rules(), host) !== undefined;
  }

  expectHead(): void {
    this.#enter("head");
  }

  note(target: Target | null, refusal: Refusal): void {
    const entry = this.#ledger.begin(target?.host ?? "", target?.port ?? 0);
    Object.assign(entry.contact, { verdict: "refused", reason: refusal.rule });
    this.#ledger.open(entry);
  }

  async open(target: Target): Promise<Upstream> {
    this.#drop();
    this.#enter("connect");
    const entry = this.#ledger.begin(target.host, target.port);
    try {
      return await this.#connect(target, entry);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(502, "connection", `${target.host}: ${codeOf(error)}.`);
      const verdict = refusal.status === 502 || refusal.status === 504 ? "failed" : "refused";
      Object.assign(entry.contact, { verdict, reason: refusal.rule });
      this.#ledger.open(entry);
      throw refusal;
    } finally {
      this.#connecting = null;
    }
  }

  recheck(rules: Rules): void {
    // A connection that is just being made is asked again: its answer may be an old one.
    this.#connecting?.abort();
    const line = this.#line;
    const address = line === null ? null : parseAddress(line.address);
    if (line === null || address === null) return;
    if (!decide(rules, line.target.host, address, line.target.port).allowed) this.close();
  }

  sweep(): void {
    const { limits, now } = this.#options;
    const limitMs = { head: limits.headMs, connect: limits.connectMs, open: limits.idleMs }[this.#clock.phase];
    if (now() - this.#clock.since <= limitMs) return;
    if (this.#connecting === null) this.close();
    else this.#connecting.abort();
  }

  close(): void {
    this.#gone.abort();
    this.#connecting?.abort();
    this.#drop();
    this.client.destroy();
  }

  async #connect(target: Target, entry: Entry): Promise<Upstream> {
    const { world } = this.#options;
    const connecting = new AbortController();
    this.#connecting = connecting;
    const { signal } = connecting;
    const rules = this.#around.rules();
    const checked = await check(world, rules, target);
    const { socket, address, rule } = await reach(world, target, checked, signal);
    const isIntercepted = this.intercepts(target);
    const ready = isIntercepted ? await this.#secure(socket, target.host, signal) : socket;
    if (this.#gone.signal.aborted || signal.aborted) {
      ready.destroy();
      throw new Refusal(504, "connection", "The connection was given up.");
    }
    Object.assign(entry.contact, { address, reason: rule });
    this.#ledger.open(entry);
    const pipe = this.#counted(pipeOf(ready), entry);
    this.#line = { target, address, entry, pipe };
    this.#enter("open");
    return { target, pipe, headers: isIntercepted ? headersFor(rules, target.host) : undefined };
  }

  async #secure(...[socket, host, signal]: Parameters<World["secure"]>): ReturnType<World["secure"]> {
    try {
      return await this.#options.world.secure(socket, host, signal);
    } catch (error) {
      socket.destroy();
      throw new Refusal(502, "tls", `The certificate or the TLS of ${host} is not good: ${codeOf(error)}.`);
    }
  }

  #counted(pipe: Pipe, entry: Entry): Pipe {
    const { limits, now } = this.#options;
    const count = (up: number, down: number): void => {
      this.#clock.since = now();
      this.#ledger.count(entry, up, down);
      const totals = this.#ledger.totals();
      if (totals.bytesUp <= limits.bytesUp && totals.bytesDown <= limits.bytesDown) return;
      entry.contact.reason = "bytes";
      this.close();
    };
    return {
      ...pipe,
      read: async () => {
        const chunk = await pipe.read();
        if (chunk !== null) count(0, chunk.length);
        return chunk;
      },
      write: async (chunk) => {
        count(chunk.length, 0);
        await pipe.write(chunk);
      },
    };
  }

  #enter(phase: Clock["phase"]): void {
    this.#clock.phase = phase;
    this.#clock.since = this.#options.now();
  }

  #drop(): void {
    const line = this.#line;
    if (line === null) return;
    this.#line = null;
    line.pipe.destroy();
    this.#ledger.close(line.entry);
  }
}
