// The one route table. What a route needs is declared here; core/http.ts enforces it for all of them.
import { join } from "node:path";
import { z } from "zod";
import { readArtifact } from "../shared/artifacts.ts";
import type { Config } from "../shared/config.ts";
import { deleteConversation, listConversations, messagesOf, readConversation } from "../shared/conversations.ts";
import type { Board, Tx } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import { latestSeq } from "../shared/events.ts";
import { jobsOfConversation } from "../shared/jobs.ts";
import { removeOutputs } from "../shared/retention.ts";
import { readUpload } from "../shared/uploads.ts";
import { viewJob } from "../shared/views.ts";
import { cookieName, type Auth } from "./auth.ts";
import { route, type Route } from "./http.ts";
import type { Inbox } from "./inbox.ts";
import { channelRoutes } from "./channel_routes.ts";
import { jobRoutes } from "./job_routes.ts";
import type { Messenger } from "./messenger.ts";
import { describeApi } from "./openapi.ts";
import { Message, readMessage, Receipt } from "./receive.ts";
import { modelRoutes } from "./model_routes.ts";
import { approvalRoutes } from "./approval_routes.ts";
import { scheduleRoutes } from "./schedule_routes.ts";

export type Desk = {
  readonly config: Config;
  readonly board: Board;
  readonly auth: Auth;
  readonly inbox: Inbox;
  readonly version: string;
  readonly port: () => number;
  readonly now: () => number;
  /** Whether a worker is at the other end. */
  readonly isWorkerThere: () => boolean;
  /** Wakes the worker and whoever follows the events. */
  readonly nudge: () => void;
  /** Other platforms on which people write. */
  readonly channels: Pick<Messenger, "states" | "invite">;
  /** The next tick may be another one now. */
  readonly schedulesChanged: () => void;
};

export function createRoutes(desk: Desk): readonly Route[] {
  const table: Route[] = [
    ...sessionRoutes(desk),
    ...messageRoutes(desk),
    ...jobRoutes(desk),
    ...scheduleRoutes(desk),
    ...approvalRoutes(desk),
    ...modelRoutes(desk),
    ...channelRoutes(desk),
    ...fileRoutes(desk),
  ];
  const api: Route = route({
    method: "GET",
    path: "/api/openapi.json",
    summary: "This description",
    auth: "paired",
    status: 200,
    handle: () => describeApi([...table, api], desk.version),
  });
  return [...table, api];
}

function sessionRoutes(desk: Desk): Route[] {
  const Example = z.object({ file: z.string(), title: z.string(), prompt: z.string(), source: z.string() });
  return [
    route({
      method: "GET",
      path: "/health",
      summary: "Whether Sandpiper is up",
      auth: "none",
      status: 200,
      handle: () => ({ app: "sandpiper", version: desk.version, ready: true }),
    }),
    route({
      method: "POST",
      path: "/api/pair",
      summary: "Spend a one-time pairing token for a key and a cookie",
      auth: "none",
      body: z.strictObject({ token: z.string().max(200) }),
      status: 200,
      response: z.object({ key: z.string() }),
      handle: async ({ body, request }) => {
        const paired = await desk.auth.pair(body.token, request.headers.get("user-agent") ?? "");
        if (paired === null)
          throw new AppError(
            "unauthorized",
            "This link was used already or is too old. Run `bun run link` for a new one.",
          );
        const cookie = `${cookieName(desk.port())}=${paired.cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000`;
        return Response.json({ key: paired.key }, { headers: { "Set-Cookie": cookie } });
      },
    }),
    route({
      method: "POST",
      path: "/api/link",
      summary: "A new one-time pairing link for another browser",
      auth: "paired",
      body: z.strictObject({}),
      status: 200,
      response: z.object({ url: z.string() }),
      handle: async () => ({ url: `http://localhost:${desk.port()}/#pair=${await desk.auth.newPairing()}` }),
    }),
    route({
      method: "GET",
      path: "/api/session",
      summary: "What this Sandpiper is and can do",
      auth: "paired",
      status: 200,
      handle: async () => ({
        version: desk.version,
        sandbox: desk.config.sandbox,
        sandboxReady: desk.isWorkerThere(),
        notice: desk.config.sandbox === "e2b" ? "Files that you send go to E2B's cloud, where the code runs." : null,
        maxUploadBytes: desk.config.maxUploadBytes,
        examples: z.array(Example).parse(await Bun.file(join(desk.config.root, "examples/examples.json")).json()),
      }),
    }),
  ];
}

function messageRoutes(desk: Desk): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/messages",
      summary:
        "Send a message, with files (multipart) or as JSON; it becomes a job, but the same Idempotency-Key (a header) only once",
      auth: "paired",
      accepts: "multipart-or-json",
      body: Message,
      status: 202,
      response: Receipt,
      handle: ({ request, body, files }) => readMessage(desk, request, body, files),
    }),
    route({
      method: "GET",
      path: "/api/conversations",
      summary: "All conversations, the latest first",
      auth: "paired",
      status: 200,
      handle: () => ({ conversations: desk.board.read((tx) => listConversations(tx, 500)) }),
    }),
    route({
      method: "GET",
      path: "/api/conversations/:id",
      summary: "A conversation as it stands at `seq`",
      auth: "paired",
      status: 200,
      handle: ({ params }) => desk.board.read((tx) => snapshot(tx, params["id"] ?? "")),
    }),
    route({
      method: "DELETE",
      path: "/api/conversations/:id",
      summary: "Delete a conversation with its jobs and files",
      auth: "paired",
      status: 204,
      handle: ({ params }) => erase(desk, params["id"] ?? ""),
    }),
  ];
}

/** What a browser may show by itself; anything else is bytes to be saved. */
const SHOWN = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

function fileRoutes(desk: Desk): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/artifacts/:id",
      summary: "The bytes of an artifact",
      auth: "paired",
      status: 200,
      handle: ({ params }) => {
        const artifact = desk.board.read((tx) => readArtifact(tx, params["id"] ?? ""));
        if (artifact === null) throw new AppError("not_found", "There is no such artifact.");
        return download(join(desk.config.home, artifact.path), artifact.name, artifact.mediaType);
      },
    }),
    route({
      method: "GET",
      path: "/api/uploads/:id",
      summary: "The bytes of a file that was sent",
      auth: "paired",
      status: 200,
      handle: ({ params }) => {
        const upload = desk.board.read((tx) => readUpload(tx, params["id"] ?? ""));
        if (upload === null) throw new AppError("not_found", "There is no such file.");
        return download(join(desk.config.storageDir, "uploads", upload.id), upload.name, upload.mediaType);
      },
    }),
  ];
}

async function download(path: string, name: string, mediaType: string): Promise<Response> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new AppError("not_found", "The file is not on disk any more.");
  const ascii = name.replace(/[^\w.-]/g, "_");
  return new Response(file, {
    headers: {
      "Content-Type": SHOWN.has(mediaType) ? mediaType : "application/octet-stream",
      "Content-Disposition": `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name).replaceAll("'", "%27")}`,
    },
  });
}

function snapshot(tx: Tx, id: string) {
  const conversation = readConversation(tx, id);
  if (conversation === null) throw new AppError("not_found", "That conversation does not exist any more.");
  const jobs = jobsOfConversation(tx, id).map((job) => viewJob(tx, job));
  return { conversation, messages: messagesOf(tx, id), jobs, seq: latestSeq(tx) };
}

async function erase(desk: Desk, id: string): Promise<void> {
  const gone = await deleteConversation(desk.board, id);
  if (gone === "running")
    throw new AppError("conflict", "Something is still running here. Stop it first, then delete.");
  if (gone === "unknown") throw new AppError("not_found", "That conversation does not exist any more.");
  desk.nudge();
  await removeOutputs(desk.config.storageDir, gone.jobIds);
  await desk.inbox.release(gone.uploadIds);
}
