// The one way out of one sandbox: its rules, which may change at any time, its limits, and its ledger.
import { parseAddress } from "./address.ts";
import { createAuthority, type Authority } from "./certificates.ts";
import { check, codeOf, reach, type World } from "./dial.ts";
import { Ledger, type Contact, type Entry, type OnContact, type Totals } from "./ledger.ts";
import type { EgressLimits } from "./limits.ts";
import { pipeOf, type Pipe } from "./pipe.ts";
import { serve } from "./proxy.ts";
import { Refusal } from "./refusal.ts";
import { decide, headersFor, type Headers, type Rules } from "./rules.ts";
import type { Target } from "./target.ts";
import type { Upstream, Visit } from "./visit.ts";

export type GateOptions = {
  readonly world: World;
  readonly limits: EgressLimits;
  readonly now: () => number;
  readonly onContact: OnContact;
};

type Line = Upstream & { readonly address: string; readonly entry: Entry };

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

  expectHead(): void {
    this.#enter("head");
  }

  expectAnswer(): void {
    this.#enter("open");
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
      const refusal =
        error instanceof Refusal ? error : new Refusal(502, "connection", `${target.host}: ${codeOf(error)}.`);
      const verdict = refusal.status === 502 || refusal.status === 504 ? "failed" : "refused";
      Object.assign(entry.contact, { verdict, reason: refusal.rule });
      this.#ledger.open(entry);
      throw refusal;
    } finally {
      this.#connecting = null;
    }
  }

  recheck(rules: Rules): void {
    const line = this.#line;
    if (line === null) return;
    const isSame = JSON.stringify(line.headers) === JSON.stringify(this.#headers(line.target));
    if (!isSame || !isAllowed(rules, line.target, line.address)) this.close();
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
    this.#checkBytes();
    const checked = await Promise.race([check(world, this.#around.rules(), target), aborted(signal, target)]);
    const { socket, address, rule } = await reach(world, target, checked, {
      attemptMs: this.#options.limits.attemptMs,
      signal,
    });
    const headers = this.#headers(target);
    const ready = headers === undefined ? socket : await this.#secure(socket, target.host, signal);
    if (this.#gone.signal.aborted || signal.aborted) {
      ready.destroy();
      throw new Refusal(504, "connection", "The connection was given up.");
    }
    // They may have changed meanwhile.
    const isSame = JSON.stringify(headers) === JSON.stringify(this.#headers(target));
    if (!isSame || !isAllowed(this.#around.rules(), target, address)) {
      ready.destroy();
      throw new Refusal(403, "rules", `${target.host}:${target.port} is no longer allowed for this sandbox.`);
    }
    Object.assign(entry.contact, { address, reason: rule });
    this.#ledger.open(entry);
    const pipe = this.#counted(pipeOf(ready), entry);
    this.#line = { target, address, entry, pipe, headers };
    this.#enter("open");
    return this.#line;
  }

  #headers({ host, port, address }: Target): Headers | undefined {
    return address === null && port === TLS_PORT ? headersFor(this.#around.rules(), host) : undefined;
  }

  #checkBytes(): void {
    const { limits } = this.#options;
    const { bytesUp, bytesDown } = this.#ledger.totals();
    if (bytesUp <= limits.bytesUp && bytesDown <= limits.bytesDown) return;
    throw new Refusal(429, "bytes", `A sandbox may send ${limits.bytesUp} and receive ${limits.bytesDown} bytes.`);
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
    const { now } = this.#options;
    const count = (up: number, down: number): void => {
      this.#clock.since = now();
      this.#ledger.count(entry, up, down);
      try {
        this.#checkBytes();
      } catch {
        entry.contact.reason = "bytes";
        this.close();
      }
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

function isAllowed(rules: Rules, { host, port }: Target, text: string): boolean {
  const address = parseAddress(text);
  return address !== null && decide(rules, host, address, port).allowed;
}

/** Never resolves. */
async function aborted(signal: AbortSignal, { host, port }: Target): Promise<never> {
  return await new Promise((_resolve, reject) => {
    const give = (): void =>
      reject(new Refusal(504, "connection", `${host}:${port} cannot be reached: its name took too long.`));
    signal.addEventListener("abort", give, { once: true });
  });
}
