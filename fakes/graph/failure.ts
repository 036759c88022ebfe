// What the service refuses with: Meta's codes, their HTTP statuses, and the two shapes in which an error is told.

/** Code → HTTP status and title, as Meta's list of error codes has them; both rates answer 429 as YCloud recorded it. */
const KNOWN: Readonly<Record<number, readonly [http: number, title: string]>> = {
  100: [400, "Invalid parameter"],
  130429: [429, "Rate limit hit"],
  131000: [500, "Something went wrong"],
  131008: [400, "Required parameter is missing"],
  131009: [400, "Parameter value is not valid"],
  131026: [400, "Message undeliverable"],
  131047: [400, "Re-engagement message"],
  131051: [400, "Unsupported message type"],
  131053: [400, "Media upload error"],
  131056: [429, "(Business Account, Consumer Account) pair rate limit hit"],
  132001: [404, "Template name does not exist in the translation"],
};

const HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/";

export type FailureShape = {
  readonly http?: number;
  readonly title?: string;
  readonly type?: string;
  readonly subcode?: number;
  readonly retryAfterSeconds?: number;
  /** The whole message where it is not "(#code) title". */
  readonly message?: string;
};

/** A refusal of the service. `details` is what `error_data.details` says; null leaves error_data out, as Graph's own errors do. */
export class GraphFailure extends Error {
  readonly code: number;
  readonly details: string | null;
  readonly shape: FailureShape;
  readonly http: number;
  readonly title: string;

  constructor(code: number, details: string | null, shape: FailureShape = {}) {
    const [http, title] = KNOWN[code] ?? [400, "Unknown error"];
    super(shape.message ?? `(#${code}) ${shape.title ?? title}`);
    this.code = code;
    this.details = details;
    this.shape = shape;
    this.http = shape.http ?? http;
    this.title = shape.title ?? title;
  }
}

/** Missing or wrong bearer. */
export function notAuthorised(hasToken: boolean): GraphFailure {
  const message = hasToken
    ? "Invalid OAuth access token - Cannot parse access token"
    : "An access token is required to request this resource.";
  return new GraphFailure(190, null, { http: 401, message });
}

/** An id that is not there, is another's, or does not do what was asked of it: editing a message ends here too. */
export function noSuchObject(method: string, id: string): GraphFailure {
  const message =
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing ` +
    "permissions, or does not support this operation.";
  return new GraphFailure(100, null, { type: "GraphMethodException", subcode: 33, message });
}

/** The answer to the request that was refused. */
export function answerOf({ code, details, message, http, shape }: GraphFailure): Response {
  const error = {
    message,
    type: shape.type ?? "OAuthException",
    code,
    ...(shape.subcode !== undefined && { error_subcode: shape.subcode }),
    ...(details !== null && { error_data: { messaging_product: "whatsapp", details } }),
    fbtrace_id: `A${Bun.randomUUIDv7("base64url")}`,
  };
  const headers = shape.retryAfterSeconds === undefined ? {} : { "retry-after": String(shape.retryAfterSeconds) };
  return Response.json({ error }, { status: http, headers });
}

/** The same refusal as it is told later, in `statuses[].errors` and in messages of a kind that is not supported. */
export function webhookError({ code, title, details }: GraphFailure) {
  return { code, title, message: title, error_data: { details: details ?? title }, href: HELP };
}
