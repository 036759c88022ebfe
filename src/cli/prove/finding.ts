// What an attempt brought, inside of a room or, as its control, outside.

/** `got` is empty when the room held. `seen` says in words how it ended. */
export type Finding = { readonly got: readonly string[]; readonly seen: string };
