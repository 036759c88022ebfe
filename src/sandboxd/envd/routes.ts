// envd (port 49983 of a sandbox): health, environment, files and Connect's services. All but health need the access token;
// for files a signature that it made will do.
import type { Sandbox } from "../sandboxes.ts";
import { failure, json, sameSecret } from "../wire.ts";
import { readFile, writeFiles } from "./files.ts";
import { processRoutes } from "./process.ts";
import { filesystemRoutes } from "./filesystem.ts";
import { refusalOfFiles } from "./signature.ts";

export async function envdRoutes(sandbox: Sandbox, request: Request, url: URL): Promise<Response> {
  const [head, method] = url.pathname.split("/").slice(1);
  if (head === "health") return new Response(null, { status: 204 });
  if (head === "files") return await filesRoute(sandbox, request, url);
  if (!sameSecret(request.headers.get("x-access-token"), sandbox.accessToken))
    return failure(401, "The access token is not valid.");
  const { channel } = sandbox.room;
  if (head === "envs") return json(sandbox.environment);
  if (head === "filesystem.Filesystem") return await filesystemRoutes(channel, method ?? "", request);
  if (head === "process.Process")
    return await processRoutes({ channel, commands: sandbox.commands }, method ?? "", request);
  return failure(404, "There is no such route.");
}

async function filesRoute(sandbox: Sandbox, request: Request, url: URL): Promise<Response> {
  const refusal = refusalOfFiles(sandbox, request, url);
  if (refusal !== null) return failure(401, refusal);
  if (request.method === "GET") return await readFile(sandbox.room.channel, url);
  // What a page does to its browser must find nobody's file there.
  if (request.method === "POST" && sandbox.room.profile === "browser")
    return failure(403, "A browser's sandbox takes no files.");
  if (request.method === "POST") return await writeFiles(sandbox.room.channel, request, url);
  return failure(404, "There is no such route.");
}
