// E2B's control plane: sandboxes are created, found, listed, prolonged and killed here. Every call shows the API key.
import { availableParallelism } from "node:os";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { NetworkConfig, NetworkUpdate } from "./egress/rules.ts";
import { LIMITS } from "./limits.ts";
import { measure } from "./metrics.ts";
import type { Sandbox, Sandboxes } from "./sandboxes.ts";
import { failure, json, parseBody, sameSecret } from "./wire.ts";

export type Control = {
  readonly sandboxes: Sandboxes;
  readonly key: string;
  readonly memoryBytes: number;
};

/** What the SDK may expect of envd; it switches features by this. */
const ENVD_VERSION = "0.6.13";
const CLIENT_ID = "local";

const Strings = z.record(z.string(), z.string());
const Seconds = z.number().min(0);
const Create = z.object({
  templateID: z.string().max(256).optional(),
  metadata: Strings.nullish(),
  envVars: Strings.nullish(),
  timeout: Seconds.nullish(),
  allow_internet_access: z.boolean().nullish(),
  network: NetworkConfig.nullish(),
});
const Timeout = z.object({ timeout: Seconds.nullish() });
const Refresh = z.object({ duration: Seconds.nullish() });

export async function controlRoutes(control: Control, request: Request, url: URL): Promise<Response> {
  if (!sameSecret(request.headers.get("x-api-key"), control.key)) return failure(401, "The API key is not valid.");
  const parts = url.pathname.split("/").filter((part) => part !== "");
  const [collection, id, action] = parts[0] === "v2" ? parts.slice(1) : parts;
  if (collection !== "sandboxes") return failure(404, "There is no such route.");
  if (id === undefined) return await collectionRoute(control, request, url);
  const sandbox = control.sandboxes.find(id);
  if (sandbox === undefined) return failure(404, `Sandbox "${id.slice(0, 64)}" was not found.`);
  return await sandboxRoute(control, sandbox, `${request.method} ${action ?? ""}`, { request, url });
}

async function collectionRoute(control: Control, request: Request, url: URL): Promise<Response> {
  if (request.method === "GET") return list(control, url.searchParams);
  if (request.method !== "POST") return failure(405, "Only GET and POST are possible here.");
  const body = await parseBody(request, Create);
  const sandbox = await control.sandboxes.create({
    template: body.templateID ?? "base",
    metadata: body.metadata ?? {},
    environment: body.envVars ?? {},
    lifeMs: body.timeout == null ? LIMITS.lifeDefaultMs : body.timeout * 1_000,
    network: { config: body.network ?? {}, hasInternet: body.allow_internet_access ?? null },
  });
  return json(connection(sandbox), 201);
}

async function sandboxRoute(
  control: Control,
  sandbox: Sandbox,
  route: string,
  { request, url }: { readonly request: Request; readonly url: URL },
): Promise<Response> {
  switch (route) {
    case "GET ":
      return json({ ...description(control, sandbox), envdAccessToken: sandbox.accessToken });
    case "DELETE ":
      await control.sandboxes.kill(sandbox.id, "it was killed on request");
      return new Response(null, { status: 204 });
    case "POST timeout":
      control.sandboxes.setLife(sandbox, seconds((await parseBody(request, Timeout)).timeout));
      return new Response(null, { status: 204 });
    case "POST refreshes":
      prolong(control, sandbox, (await parseBody(request, Refresh)).duration);
      return new Response(null, { status: 204 });
    case "POST connect":
    case "POST resume":
      prolong(control, sandbox, (await parseBody(request, Timeout)).timeout);
      return json(connection(sandbox));
    case "GET metrics":
      return json(isAsked(sandbox, url.searchParams) ? [measure(sandbox.room, control.memoryBytes)] : []);
    case "POST pause":
    case "POST snapshots":
    case "POST fork":
      throw new AppError("unsupported", "The sandbox of this machine cannot be paused or copied.");
    case "PUT network":
      await setNetwork(sandbox, request);
      return new Response(null, { status: 204 });
    case "GET network":
      return json(sandbox.network.contacts());
    default:
      return failure(404, "There is no such route.");
  }
}

/** There is one point, that of now: it is told for every time that the sandbox has seen. Both ends are in whole seconds. */
function isAsked({ startedAt }: Sandbox, query: URLSearchParams): boolean {
  const end = Number(query.get("end") ?? Number.POSITIVE_INFINITY);
  return Number(query.get("start") ?? 0) <= Math.ceil(Date.now() / 1_000) && end >= Math.floor(startedAt / 1_000);
}

async function setNetwork(sandbox: Sandbox, request: Request): Promise<void> {
  const { allow_internet_access: hasInternet, ...config } = await parseBody(request, NetworkUpdate);
  await sandbox.network.set({ config, hasInternet: hasInternet ?? null });
}

/** Time is only ever added: a second client must not shorten the first one's. */
function prolong(control: Control, sandbox: Sandbox, wanted: number | null | undefined): void {
  const lifeMs = seconds(wanted);
  if (Date.now() + lifeMs > sandbox.endAt) control.sandboxes.setLife(sandbox, lifeMs);
}

function seconds(wanted: number | null | undefined): number {
  return wanted == null ? LIMITS.lifeDefaultMs : wanted * 1_000;
}

function list(control: Control, query: URLSearchParams): Response {
  const metadata = new URLSearchParams(query.get("metadata") ?? "");
  const states = query.get("state")?.split(",") ?? ["running"];
  const after = Date.parse(query.get("startedAfter") ?? "1970-01-01");
  const template = query.get("template");
  const direction = query.get("order") === "asc" ? 1 : -1;
  const offset = Number(query.get("nextToken") ?? 0) || 0;
  const limit = Math.min(Math.max(Number(query.get("limit") ?? 100) || 100, 1), 100);
  const matching = control.sandboxes
    .list()
    .filter((one) => states.includes("running") && one.startedAt >= after)
    .filter((one) => template === null || template === "" || one.template === template)
    .filter((one) => [...metadata].every(([key, value]) => one.metadata[decode(key)] === decode(value)))
    .toSorted((a, b) => direction * (a.startedAt - b.startedAt));
  const page = matching.slice(offset, offset + limit).map((one) => description(control, one));
  const next: Record<string, string> =
    offset + limit < matching.length ? { "x-next-token": String(offset + limit) } : {};
  return json(page, 200, next);
}

/** The SDK encodes each key and value once more before it makes the query. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function connection(sandbox: Sandbox): object {
  return {
    templateID: sandbox.template,
    sandboxID: sandbox.id,
    clientID: CLIENT_ID,
    envdVersion: ENVD_VERSION,
    envdAccessToken: sandbox.accessToken,
  };
}

function description(control: Control, sandbox: Sandbox): object {
  return {
    templateID: sandbox.template,
    sandboxID: sandbox.id,
    clientID: CLIENT_ID,
    startedAt: new Date(sandbox.startedAt).toISOString(),
    endAt: new Date(sandbox.endAt).toISOString(),
    state: "running",
    cpuCount: availableParallelism(),
    memoryMB: Math.floor(control.memoryBytes / 2 ** 20),
    diskSizeMB: Math.floor(LIMITS.homeBytes / 2 ** 20),
    envdVersion: ENVD_VERSION,
    metadata: sandbox.metadata,
    ...sandbox.network.describe(),
    volumeMounts: [],
  };
}
