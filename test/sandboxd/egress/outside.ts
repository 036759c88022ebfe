// A world outside of the rooms that is all on loopback, and a gate in front of it: the seams of the real one.
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createSecureServer, connect as connectSecurely, type TLSSocket } from "node:tls";
import { refusalOf, type Address } from "../../../src/sandboxd/egress/address.ts";
import type { Authority } from "../../../src/sandboxd/egress/certificates.ts";
import type { World } from "../../../src/sandboxd/egress/dial.ts";
import { Gate } from "../../../src/sandboxd/egress/gate.ts";
import type { Contact } from "../../../src/sandboxd/egress/ledger.ts";
import { EGRESS_LIMITS, type EgressLimits } from "../../../src/sandboxd/egress/limits.ts";
import { pipeOf } from "../../../src/sandboxd/egress/pipe.ts";
import { compileRules, type NetworkConfig, type Rules } from "../../../src/sandboxd/egress/rules.ts";

/** An address of the public internet that no test ever really dials. */
export const PUBLIC = "93.184.216.34";

export type Outside = AsyncDisposable & {
  readonly gate: Gate;
  /** Where the forwarder of a room would connect. */
  readonly port: number;
  readonly visitors: () => number;
  /** `address:port` of each dial, in order. */
  readonly dialled: string[];
  readonly resolved: string[];
  readonly told: { readonly contact: Contact; readonly isOpen: boolean }[];
  readonly clock: { now: number };
};

export type OutsideOptions = {
  /** Names and what they resolve to, one list for each time they are asked for; the last one stays. */
  readonly names?: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Where `address:port` really is, as a port of loopback. */
  readonly places?: Readonly<Record<string, number>>;
  /** Where every other address is. */
  readonly everywhere?: number;
  readonly network?: NetworkConfig;
  readonly limits?: Partial<EgressLimits>;
  /** Whose certificates the hosts outside show. */
  readonly trusted?: Authority;
  readonly isRefused?: (address: Address) => string | null;
  /** Instead of the names and places above. */
  readonly resolve?: World["resolve"];
  readonly dial?: World["dial"];
};

export function rulesOf(network: NetworkConfig = {}): Rules {
  return compileRules(network, true);
}

export async function openOutside(options: OutsideOptions = {}): Promise<Outside> {
  const dialled: string[] = [];
  const resolved: string[] = [];
  const told: Outside["told"] = [];
  const asked = new Map<string, number>();
  // Certificates are made by this clock.
  const clock = { now: Date.now() };
  const gate = new Gate(rulesOf(options.network), {
    world: {
      resolve: async (host) => {
        resolved.push(host);
        if (options.resolve !== undefined) return await options.resolve(host);
        const answers = options.names?.[host] ?? [];
        const turn = asked.get(host) ?? 0;
        asked.set(host, turn + 1);
        return answers[Math.min(turn, answers.length - 1)] ?? [];
      },
      dial: async (address, port, signal) => {
        dialled.push(`${address}:${port}`);
        if (options.dial !== undefined) return await options.dial(address, port, signal);
        const place = options.places?.[`${address}:${port}`] ?? options.everywhere;
        if (place === undefined) throw Object.assign(new Error("nobody"), { code: "ECONNREFUSED" });
        return await dialLoopback(place, signal);
      },
      secure: async (socket, host) => {
        const secured = connectSecurely({
          socket,
          servername: host,
          ca: options.trusted?.certificate,
        });
        return await Promise.race([
          new Promise<TLSSocket>((resolve) => secured.once("secureConnect", () => resolve(secured))),
          new Promise<never>((_resolve, reject) => secured.once("error", reject)),
        ]);
      },
      isRefused: options.isRefused ?? ((address) => refusalOf(address, [])),
    },
    limits: { ...EGRESS_LIMITS, ...options.limits },
    now: () => clock.now,
    onContact: (contact, isOpen) => told.push({ contact, isOpen }),
  });
  const entrance = await listen(
    createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void gate.serve(pipeOf(socket))),
  );
  return {
    gate,
    dialled,
    resolved,
    told,
    clock,
    port: entrance.port,
    visitors: entrance.connections,
    [Symbol.asyncDispose]: async () => {
      gate.close();
      await entrance[Symbol.asyncDispose]();
    },
  };
}

async function dialLoopback(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
    signal.addEventListener("abort", () => reject(new Error("too long")));
  });
  return socket;
}

export type Place = AsyncDisposable & { readonly port: number; readonly connections: () => number };

export async function listen(server: Server): Promise<Place> {
  const open = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on TCP
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that does with each connection what the test says. */
export async function listenRaw(onSocket: (socket: Socket) => void): Promise<Place> {
  return await listen(createServer({ allowHalfOpen: true, noDelay: true }, onSocket));
}

export async function listenSecure(
  authority: Authority,
  host: string,
  onSocket: (socket: TLSSocket) => void,
): Promise<Place> {
  return await listen(createSecureServer({ ...authority.identityOf(host) }, onSocket));
}

/** Sends the text and answers with everything that comes back until the connection ends. */
export async function say(port: number, text: string | Uint8Array): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.end(text);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

/** The bare bones of a client that goes on talking. */
export function talk(port: number): {
  readonly socket: Socket;
  readonly text: () => string;
  readonly until: (wanted: string | RegExp) => Promise<string>;
  readonly ended: Promise<void>;
} {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  let text = "";
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
  };
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wake();
  });
  socket.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      resolve();
      socket.destroy();
      wake();
    };
    socket.once("end", end);
    socket.once("close", end);
  });
  const until = async (wanted: string | RegExp): Promise<string> => {
    const done = Promise.withResolvers<string>();
    const look = (): void => {
      if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) done.resolve(text);
      else if (socket.destroyed) done.reject(new Error(`It ended with: ${text}`));
    };
    waiting.add(look);
    look();
    try {
      return await done.promise;
    } finally {
      waiting.delete(look);
    }
  };
  return { socket, text: () => text, until, ended };
}
