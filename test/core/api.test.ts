// What core tells: conversations, jobs, events and files, and its own description.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { insertArtifact } from "../../src/shared/artifacts.ts";
import { claimJobs, recordEvents, settleJob, type Claim } from "../../src/shared/claims.ts";
import { messagesOf } from "../../src/shared/conversations.ts";
import type { Artifact } from "../../src/shared/types.ts";
import { sqliteShell } from "../shared/temporary.ts";
import { refusalOf, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterAll(() => core[Symbol.asyncDispose]());

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
const Events = z.object({
  seq: z.number(),
  events: z.array(z.looseObject({ seq: z.number(), kind: z.string(), jobId: z.string() })),
});
const send = async (text: string) => Receipt.parse(await (await core.post("/api/messages", { text })).json());
const json = async (path: string): Promise<unknown> => (await core.call(path)).json();
const eventsOf = async (query: string) => Events.parse(await json(`/api/events?${query}`));

async function claimFor(jobId: string): Promise<Claim> {
  const claims = await claimJobs(core.board, "1-w", () => 100, Date.now());
  const claim = claims.find((one) => one.jobId === jobId);
  if (claim === undefined) throw new Error("The job was not claimed.");
  return claim;
}

async function putArtifact(jobId: string, name: string, mediaType: string, content: string): Promise<string> {
  const path = `storage/outputs/${jobId}/${crypto.randomUUID()}`;
  mkdirSync(join(core.home, "storage/outputs", jobId), { recursive: true });
  writeFileSync(join(core.home, path), content);
  const artifact: Artifact = { id: crypto.randomUUID(), jobId, name, path, mediaType, bytes: 1, sha256: "00" };
  await core.board.write((tx) => insertArtifact(tx, artifact, 1));
  return artifact.id;
}

test("the session says what this Sandpiper is, without a key or a path", async () => {
  const session = await json("/api/session");
  expect(session).toMatchObject({ sandbox: "local", sandboxReady: false, notice: null, maxUploadBytes: 100 * 2 ** 20 });
  const { examples } = z.object({ examples: z.array(z.object({ file: z.string() })) }).parse(session);
  for (const { file } of examples) expect(existsSync(join(import.meta.dir, "../../examples", file))).toBe(true);
  expect(JSON.stringify(session)).not.toContain(core.home);
});

test("health says that it is up, to anybody", async () => {
  expect(await (await fetch(`${core.url}/health`)).json()).toMatchObject({ app: "sandpiper", ready: true });
});

describe("a conversation", () => {
  test("is a snapshot with the seq at which it stands", async () => {
    const { job_id, conversation_id } = await send("hello");
    const whole = await json(`/api/conversations/${conversation_id}`);
    expect(whole).toMatchObject({
      conversation: { id: conversation_id, title: "hello" },
      messages: [{ role: "user", text: "hello", jobId: job_id }],
      jobs: [{ id: job_id, status: "pending", prompt: "hello" }],
    });
    const { seq } = z.object({ seq: z.number() }).parse(whole);
    expect((await eventsOf(`job=${job_id}`)).events.map((event) => event.kind)).toEqual(["job-created"]);
    expect((await eventsOf(`after=${seq}`)).events).toEqual([]);
  });

  test("is listed newest first and can be deleted with its files", async () => {
    const older = await send("older");
    const newer = await send("newer");
    const ids = async () =>
      z
        .object({ conversations: z.array(z.object({ id: z.string() })) })
        .parse(await json("/api/conversations"))
        .conversations.map((one) => one.id);
    expect((await ids()).slice(0, 2)).toEqual([newer.conversation_id, older.conversation_id]);
    const artifact = await putArtifact(older.job_id, "a.png", "image/png", "x");
    expect((await core.call(`/api/artifacts/${artifact}`)).status).toBe(200);
    const gone = await core.call(`/api/conversations/${older.conversation_id}`, { method: "DELETE" });
    expect([gone.status, await gone.text()]).toEqual([204, ""]);
    expect(await ids()).not.toContain(older.conversation_id);
    expect((await core.call(`/api/jobs/${older.job_id}`)).status).toBe(404);
    expect((await core.call(`/api/artifacts/${artifact}`)).status).toBe(404);
    expect(existsSync(join(core.home, "storage/outputs", older.job_id))).toBe(false);
  });

  test("takes along what was sent in it, but no file of another program, nor one that another row still needs", async () => {
    const folder = join(core.home, "storage/uploads");
    const fileOf = async (content: string) => {
      const body = new FormData();
      body.append("files", new File([content], "a.csv"));
      const sent = Receipt.parse(await (await core.call("/api/messages", { method: "POST", body })).json());
      const [file] = core.board.read((tx) => messagesOf(tx, sent.conversation_id)).flatMap((message) => message.files);
      return { id: file?.id ?? "", conversation: sent.conversation_id };
    };
    const [alone, shared] = [await fileOf("a\n"), await fileOf("b\n")];
    writeFileSync(join(folder, "theirs.csv"), "c\n");
    const theirs = Receipt.parse(
      await (await core.post("/api/messages", { text: "Graph", files: ["theirs.csv"] })).json(),
    );
    const input = JSON.stringify({ code: "1", files: [shared.id] });
    sqliteShell(
      join(core.home, "data/jobs.db"),
      `INSERT INTO jobs VALUES ('needs-it', 'code_exec', 'completed', '${input}', NULL, 0, 0)`,
    );
    for (const id of [alone.conversation, shared.conversation, theirs.conversation_id])
      expect((await core.call(`/api/conversations/${id}`, { method: "DELETE" })).status).toBe(204);
    const left = [alone.id, shared.id, "theirs.csv"].map((name) => existsSync(join(folder, name)));
    expect(left).toEqual([false, true, true]);
  });

  test("in which something runs is not deleted", async () => {
    const { job_id, conversation_id } = await send("runs");
    await claimFor(job_id);
    const refused = await refusalOf(await core.call(`/api/conversations/${conversation_id}`, { method: "DELETE" }));
    expect(refused).toMatchObject({ status: 409, code: "conflict" });
    expect((await core.call(`/api/conversations/${conversation_id}`)).status).toBe(200);
  });
});

test.each([
  ["GET", "/api/conversations/nothing"],
  ["DELETE", "/api/conversations/nothing"],
  ["GET", "/api/jobs/nothing"],
  ["GET", "/api/artifacts/nothing"],
  ["GET", "/api/uploads/nothing"],
  ["GET", "/api/uploads/..%2f..%2fdata%2ftoken"],
  ["GET", "/api/artifacts/..%2f..%2fdata%2ftoken"],
  ["GET", "/api/nothing"],
  ["GET", "/../data/token"],
  ["GET", "/%2e%2e/data/token"],
  ["GET", "/assets/../../package.json"],
  ["GET", "/assets"],
])("%s %s is not there", async (method, path) => {
  expect(await refusalOf(await core.call(path, { method }))).toMatchObject({ status: 404, code: "not_found" });
});

test.each(["limit=0", "limit=-1", "limit=1001", "limit=x", "after=-1", "after=1.5", "after=NaN"])(
  "events with %s are refused",
  async (query) => {
    expect(await refusalOf(await core.call(`/api/events?${query}`))).toMatchObject({ status: 400 });
  },
);

test("events are paged by seq, without a gap or a double", async () => {
  const { job_id } = await send("events");
  const claim = await claimFor(job_id);
  const pieces = Array.from({ length: 7 }, (_, index) => ({ kind: "text-delta", text: `${index}` }) as const);
  await recordEvents(core.board, claim, pieces, 1);
  const all = (await eventsOf(`job=${job_id}`)).events;
  expect(all.map((event) => event.kind)).toEqual(["job-created", "job-started", ...pieces.map((piece) => piece.kind)]);
  const paged: number[] = [];
  let after = 0;
  for (;;) {
    const { events } = await eventsOf(`job=${job_id}&after=${after}&limit=2`);
    if (events.length === 0) break;
    paged.push(...events.map((event) => event.seq));
    after = events.at(-1)?.seq ?? 0;
  }
  expect(paged).toEqual(all.map((event) => event.seq));
});

describe("jobs", () => {
  test("are listed newest first, those of strangers too", async () => {
    const { job_id } = await send("listed");
    sqliteShell(join(core.home, "data/jobs.db"), "INSERT INTO jobs VALUES ('stranger','chat','pending','{}',NULL,1,1)");
    expect(await json("/api/jobs?limit=2")).toMatchObject({ jobs: [{ id: "stranger" }, { id: job_id }] });
  });

  test("that wait are stopped at once, by the documented call without a body too", async () => {
    for (const init of [{}, { body: "{}", headers: { "Content-Type": "application/json" } }]) {
      const { job_id } = await send("stop me");
      const answer = await core.call(`/api/jobs/${job_id}/cancel`, { method: "POST", ...init });
      expect(answer.status).toBe(202);
      expect(await answer.json()).toMatchObject({
        job: { status: "failed", output: { error: { code: "cancelled" } } },
      });
    }
  });

  test("that run are asked to stop, and ended ones stay as they are", async () => {
    const { job_id } = await send("stop me");
    const claim = await claimFor(job_id);
    const running = await core.post(`/api/jobs/${job_id}/cancel`, {});
    expect(await running.json()).toMatchObject({ job: { status: "running" } });
    const output = { stdout: "", text: "done", artifacts: [] };
    await settleJob(core.board, claim, { output, error: null }, 1);
    const ended = await core.post(`/api/jobs/${job_id}/cancel`, {});
    expect(await ended.json()).toMatchObject({ job: { status: "completed", output: { text: "done" } } });
  });

  test("that do not exist cannot be stopped", async () => {
    expect(await refusalOf(await core.post("/api/jobs/nothing/cancel", {}))).toMatchObject({ status: 404 });
  });
});

describe("an artifact", () => {
  test.each([
    ["graph.png", "image/png", "image/png"],
    ["photo.jpg", "image/jpeg", "image/jpeg"],
    ["page.html", "text/html", "application/octet-stream"],
    ["drawing.svg", "image/svg+xml", "application/octet-stream"],
    ["paper.pdf", "application/pdf", "application/octet-stream"],
    ["data.csv", "text/csv", "application/octet-stream"],
  ])("%s of the type %s is sent as %s, to be saved and never to be run", async (name, mediaType, sent) => {
    const { job_id } = await send("artifact");
    const response = await core.call(`/api/artifacts/${await putArtifact(job_id, name, mediaType, "content")}`);
    expect(await response.text()).toBe("content");
    expect(response.headers.get("content-type")).toBe(sent);
    expect(response.headers.get("content-disposition")).toStartWith(`attachment; filename="${name}"`);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test.each([
    ['a"; filename="b.exe', "a___filename__b.exe"],
    ["é😀.png", "___.png"],
    ["a\\b.png", "a_b.png"],
  ])("called %p cannot break out of its header", async (name, ascii) => {
    const { job_id } = await send("artifact");
    const response = await core.call(`/api/artifacts/${await putArtifact(job_id, name, "text/plain", "x")}`);
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name)}`,
    );
  });

  test("whose bytes are gone says so", async () => {
    const { job_id } = await send("artifact");
    const artifact: Artifact = {
      id: "lost",
      jobId: job_id,
      name: "a.png",
      path: "storage/outputs/nowhere/a.png",
      mediaType: "image/png",
      bytes: 1,
      sha256: "00",
    };
    await core.board.write((tx) => insertArtifact(tx, artifact, 1));
    expect(await refusalOf(await core.call("/api/artifacts/lost"))).toMatchObject({ status: 404 });
  });
});

test("the description is OpenAPI 3.1 of every route, and its parameters are those of its paths", async () => {
  const Operation = z.object({
    summary: z.string().min(5),
    parameters: z.array(z.object({ name: z.string(), in: z.enum(["path", "query"]), schema: z.looseObject({}) })),
    requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.looseObject({}) })) }).optional(),
    responses: z.record(z.string().regex(/^([1-5]\d\d|default)$/), z.looseObject({ description: z.string() })),
  });
  const { paths, info } = z
    .object({
      openapi: z.string().regex(/^3\.1\.\d$/),
      info: z.object({ title: z.literal("Sandpiper"), version: z.string().regex(/^\d+\.\d+\.\d+/) }),
      components: z.object({ securitySchemes: z.object({ token: z.object({ type: z.literal("http") }) }) }),
      paths: z.record(z.string().startsWith("/"), z.record(z.string(), Operation)),
    })
    .parse(await json("/api/openapi.json"));
  expect(info.version).not.toBe("");
  for (const [path, operations] of Object.entries(paths))
    for (const { parameters, responses } of Object.values(operations)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      expect(parameters.filter((one) => one.in === "path").map((one) => one.name)).toEqual(inPath);
      expect(Object.keys(responses)).toContain("default");
    }
  expect(Object.keys(paths["/api/messages"]?.["post"]?.requestBody?.content ?? {}).toSorted()).toEqual([
    "application/json",
    "multipart/form-data",
  ]);
});
