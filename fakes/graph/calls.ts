// What was asked of the service, for assertions.

export type CallName = "messages" | "media" | "media-url" | "download" | "delete" | "probe" | "unknown";

export type Call = {
  readonly call: CallName;
  readonly at: number;
  readonly method: string;
  /** The Host header: to whom the caller thinks it speaks. */
  readonly host: string;
  readonly path: string;
  readonly headers: { readonly authorization: string | null };
  /** The JSON of a message; of an upload its type, name and size; else null. */
  body: unknown;
  /** What came of it: the id of the message, of the media, of the message that was read. Null: nothing happened. */
  effect: string | null;
  /** The status that was answered; null: none was. */
  status: number | null;
};

/** Where a bearer was sent, whichever server got it. */
export type Bearer = { readonly host: string; readonly path: string; readonly authorization: string };

export function bearersOf(calls: readonly Call[]): Bearer[] {
  return calls.flatMap(({ host, path, headers: { authorization } }) =>
    authorization === null ? [] : [{ host, path, authorization }],
  );
}

export function newCall(call: CallName, request: Request, at: number): Call {
  const { pathname, host } = new URL(request.url);
  return {
    call,
    at,
    method: request.method,
    host: request.headers.get("host") ?? host,
    path: pathname,
    headers: { authorization: request.headers.get("authorization") },
    body: null,
    effect: null,
    status: null,
  };
}
