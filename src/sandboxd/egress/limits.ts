// How much one sandbox may do outside, with units and reasons.

const GIB = 2 ** 30;

export const EGRESS_LIMITS = {
  /** A browser or a package manager opens some dozens. */
  connections: 256,
  connectionsPerMinute: 3_000,
  /** For the whole life of a sandbox: enough for models and data sets, not for a mirror. */
  bytesUp: 4 * GIB,
  bytesDown: 32 * GIB,
  /** All headers of one message together. */
  headBytes: 32 * 1024,
  /** From the connection, or the last answer, to the end of the next request's headers. */
  headMs: 30_000,
  /** Looking up, connecting and TLS. */
  connectMs: 15_000,
  /** One address of a name, before the next one is tried: where IPv6 is broken, it is silent. */
  attemptMs: 4_000,
  /** Without a byte in either direction; long polling and web sockets say something within this. */
  idleMs: 300_000,
  /** How often the three times above are looked at. */
  sweepMs: 1_000,
} as const;

export type EgressLimits = { readonly [Name in keyof typeof EGRESS_LIMITS]: number };
