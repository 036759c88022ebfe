// What every request passes: one wrapper checks host, origin, identity, size and shape, and sets every header.
import { z } from "zod";
import { AppError, toAppError, type ErrorCode } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { mebibytes } from "../shared/sizes.ts";
import type { Auth } from "./auth.ts";
import { readForm } from "./form.ts";

/** A validated request. `body` is whatever the route's schema made of it; `undefined` without one. */
export type Call<Query = unknown, Body = unknown> = {
  readonly params: { readonly [name: string]: string };
  readonly query: Query;
  readonly body: Body;
  /** Those of a form; none with JSON. */
  readonly files: readonly File[];
  readonly request: Request;
};

export type Route = {
  readonly method: "GET" | "POST" | "DELETE";
  /** Bun's form: `/api/jobs/:id`. */
  readonly path: string;
  readonly summary: string;
  /** `none` for the page itself, health and pairing. */
  readonly auth: "none" | "paired";
  readonly query?: z.ZodType;
  /** A JSON body. A form has the same fields, but for `files`. */
  readonly body?: z.ZodType;
  readonly accepts?: "json" | "multipart-or-json";
  readonly status: number;
  readonly response?: z.ZodType;
  readonly handle: (call: Call) => unknown;
};

/** Keeps the types of query and body together with the handler that gets them. */
export function route<Query extends z.ZodType = z.ZodUndefined, Body extends z.ZodType = z.ZodUndefined>(
  definition: Omit<Route, "query" | "body" | "handle"> & {
    readonly query?: Query;
    readonly body?: Body;
    readonly handle: (call: Call<z.infer<Query>, z.infer<Body>>) => unknown;
  },
): Route {
  // The wrapper calls `handle` only with what these very schemas made.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return definition as Route;
}

const STATUS: { readonly [code in ErrorCode]: number } = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  too_large: 413,
  conflict: 409,
  unsupported: 415,
  cancelled: 409,
  timeout: 504,
  budget: 402,
  sandbox: 502,
  code: 422,
  config: 500,
  unavailable: 503,
  internal: 500,
};

const HEADERS: { readonly [name: string]: string } = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
    "manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
  "X-DNS-Prefetch-Control": "off",
};

export type Guard = {
  readonly auth: Auth;
  readonly log: Log;
  /** The port that we really listen on. */
  readonly port: () => number;
  readonly maxBodyBytes: number;
};

/** The answer to a request: checks first, then the handler, and any failure as JSON. Never throws. */
export async function answer(guard: Guard, route: Route, sent: Request & { params?: unknown }): Promise<Response> {
  try {
    admit(guard, route, sent);
    const request = bounded(sent, guard.maxBodyBytes);
    const { body, files } = await readBody(route, request);
    const result = await route.handle({
      params: z.record(z.string(), z.string()).catch({}).parse(sent.params),
      query: parse(route.query, Object.fromEntries(new URL(request.url).searchParams), "query"),
      body,
      files,
      request,
    });
    return withHeaders(result instanceof Response ? result : toResponse(result, route.status));
  } catch (error) {
    return failure(guard.log, error, sent);
  }
}

/** Throws AppError unless the request may reach its handler. Also used before a WebSocket upgrade. */
export function admit(
  guard: Guard,
  route: Pick<Route, "auth" | "accepts" | "body" | "method">,
  request: Request,
): void {
  checkOrigin(request, guard.port());
  if (route.auth === "paired" && !guard.auth.isAllowed(request.headers, guard.port()))
    throw new AppError(
      "unauthorized",
      "This browser or program is not paired. Run `bun run link` in the project folder and open the link.",
    );
  if (Number(request.headers.get("content-length") ?? 0) > guard.maxBodyBytes) throw tooLarge(guard.maxBodyBytes);
  if (route.body !== undefined && !isJson(request) && !(route.accepts === "multipart-or-json" && isMultipart(request)))
    throw new AppError("unsupported", "The body must be JSON (Content-Type: application/json).");
}

/** Any failure as `{error: {code, message}}`; what is not for people goes to the log only. */
export function failure(log: Log, thrown: unknown, request: Request): Response {
  const error = toAppError(thrown);
  if (error.code === "internal") log.error("request-failed", { path: new URL(request.url).pathname, error: thrown });
  return withHeaders(
    Response.json({ error: { code: error.code, message: error.message } }, { status: STATUS[error.code] }),
  );
}

export function withHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
  if (!response.headers.has("cache-control")) response.headers.set("Cache-Control", "no-store");
  return response;
}

/** Whole host names, never prefixes: a rebound name or a page of another origin stops here. */
function checkOrigin(request: Request, port: number): void {
  const hosts = ["127.0.0.1", "localhost", "[::1]"].map((host) => `${host}:${port}`);
  const host = request.headers.get("host") ?? "";
  if (!hosts.includes(host))
    throw new AppError("forbidden", "This address is not Sandpiper's. Use http://localhost and the port it prints.");
  const origin = request.headers.get("origin");
  if (origin !== null && origin !== `http://${host}`)
    throw new AppError("forbidden", "Requests from other web pages are refused.");
  const site = request.headers.get("sec-fetch-site");
  const isNavigation = request.method === "GET" && request.headers.get("sec-fetch-mode") === "navigate";
  if (site !== null && site !== "same-origin" && site !== "none" && !isNavigation)
    throw new AppError("forbidden", "Requests from other web pages are refused.");
}

const isJson = (request: Request): boolean => /^application\/json\b/i.test(request.headers.get("content-type") ?? "");
const isMultipart = (request: Request): boolean =>
  /^multipart\/form-data\b/i.test(request.headers.get("content-type") ?? "");

const tooLarge = (maxBytes: number) =>
  new AppError(
    "too_large",
    `That is more than ${mebibytes(maxBytes)} in one message. Send less, or raise SANDPIPER_MAX_UPLOAD_MB.`,
  );

/** A body that comes in chunks does not say its length beforehand, so it is counted on its way. */
function bounded(request: Request, maxBytes: number): Request {
  if (request.body === null || request.headers.has("content-length")) return request;
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(tooLarge(maxBytes));
      else controller.enqueue(chunk);
    },
  });
  return new Request(request, { method: request.method, body: request.body.pipeThrough(counter) });
}

async function readBody(route: Route, request: Request): Promise<Pick<Call, "body" | "files">> {
  if (route.body === undefined) return { body: undefined, files: [] };
  if (!isMultipart(request)) return { body: parse(route.body, await readJson(request), "body"), files: [] };
  const { fields, files } = await readForm(request);
  return { body: parse(route.body, fields, "form"), files };
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("bad_request", "The body is not valid JSON.", { cause: error });
  }
}

/** Throws AppError `bad_request` that names the first thing that is wrong. */
function parse(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? where : `${where}.${issue.path.join(".")}`;
  throw new AppError("bad_request", `${place}: ${issue?.message ?? "not as agreed"}.`);
}

function toResponse(result: unknown, status: number): Response {
  return result === undefined ? new Response(null, { status }) : Response.json(result, { status });
}
