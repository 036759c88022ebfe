// Who may speak to core. On loopback too: every web page and every other program of this machine can reach the port.
import { timingSafeEqual } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Board } from "../shared/db.ts";
import { addPairing, isPaired, pairDevice, sha256 } from "../shared/devices.ts";

export type Paired = { readonly key: string; readonly cookie: string };

export type Auth = {
  /** A bearer token (programs), or cookie and key of the same browser. */
  readonly isAllowed: (headers: Headers, port: number) => boolean;
  /** The same for a WebSocket, whose first frame carries the key or the token. */
  readonly isAllowedKey: (key: string, cookies: string | null, port: number) => boolean;
  /** Spends a one-time token; null when it is wrong, used or older than five minutes. */
  readonly pair: (token: string, label: string) => Promise<Paired | null>;
  readonly newPairing: () => Promise<string>;
};

/** How long a pairing link is good for. */
const PAIRING_MS = 300_000;

const newSecret = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");

/** A shorter one can only be what a full disk left of it, and an empty one would let everybody in. */
const MIN_TOKEN = 32;

/** The token for programs of this user: `data/token`, readable by its owner alone. Made when there is none. */
export function readToken(dataDir: string): string {
  const file = join(dataDir, "token");
  const known = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (known.length >= MIN_TOKEN) return known;
  const made = newSecret();
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.part`, `${made}\n`, { mode: 0o600 });
  renameSync(`${file}.part`, file);
  return made;
}

export function createAuth(board: Board, token: string, now: () => number): Auth {
  const isToken = (given: string): boolean => timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(token)));
  const isDevice = (cookies: string | null, key: string, port: number): boolean => {
    const cookie = cookieOf(cookies, port);
    return cookie !== null && board.read((tx) => isPaired(tx, cookie, key));
  };
  return {
    isAllowed: (headers, port) => {
      const bearer = /^Bearer (\S+)$/.exec(headers.get("authorization") ?? "")?.[1];
      if (bearer !== undefined) return isToken(bearer);
      const key = headers.get("x-sandpiper-key");
      return key !== null && isDevice(headers.get("cookie"), key, port);
    },
    isAllowedKey: (key, cookies, port) => isToken(key) || isDevice(cookies, key, port),
    pair: async (given, label) => {
      const made = { id: Bun.randomUUIDv7(), key: newSecret(), cookie: newSecret(), label: label.slice(0, 200) };
      return (await pairDevice(board, given, made, now())) ? { key: made.key, cookie: made.cookie } : null;
    },
    newPairing: async () => {
      const made = newSecret();
      await addPairing(board, made, now() + PAIRING_MS, now());
      return made;
    },
  };
}

/** Cookies of a host go to all of its ports, so the port is part of the name. */
export const cookieName = (port: number): string => `sandpiper_${port}`;

function cookieOf(cookies: string | null, port: number): string | null {
  const wanted = `${cookieName(port)}=`;
  const found = cookies?.split(/;\s*/).find((cookie) => cookie.startsWith(wanted));
  return found?.slice(wanted.length) ?? null;
}
