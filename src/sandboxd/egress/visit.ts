// What the proxy is given for one connection of a room.
import type { Authority } from "./certificates.ts";
import type { Pipe } from "./pipe.ts";
import type { Refusal } from "./refusal.ts";
import type { Headers } from "./rules.ts";
import type { Target } from "./target.ts";

/** A connection to a host, counted. With `headers`, which are to be set on every request, the client's TLS ends here. */
export type Upstream = { readonly target: Target; readonly pipe: Pipe; readonly headers: Headers | undefined };

/** One connection of a client in the room. */
export type Visit = {
  readonly client: Pipe;
  readonly headBytes: number;
  /** The next request is waited for, but not for ever. */
  readonly expectHead: () => void;
  /** The host may take its time. */
  readonly expectAnswer: () => void;
  readonly authority: () => Authority;
  /** A host of these rules, or Refusal. There is one at a time: an earlier one is closed. */
  readonly open: (target: Target) => Promise<Upstream>;
  /** A request that is refused before a host is asked for. */
  readonly note: (target: Target | null, refusal: Refusal) => void;
};
