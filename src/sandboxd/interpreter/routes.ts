// E2B's code interpreter (port 49999 of a sandbox): /execute as lines of JSON, and the contexts.
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { boundBacklog, unreadOf } from "../backlog.ts";
import { LIMITS } from "../limits.ts";
import type { Sandbox } from "../sandboxes.ts";
import { asciiJson, json, messageOf, parseBody, sameSecret } from "../wire.ts";
import type { Interpreter, Run } from "./interpreter.ts";
import type { OutputLine } from "./output.ts";

const Execute = z.object({
  code: z.string(),
  context_id: z.string().nullish(),
  language: z.string().nullish(),
  env_vars: z.record(z.string(), z.string()).nullish(),
});
const CreateContext = z.object({ language: z.string().nullish(), cwd: z.string().nullish() });

const PYTHON = ["python", "python3", "py"];

export async function interpreterRoutes(sandbox: Sandbox, request: Request, path: string): Promise<Response> {
  const { interpreter } = sandbox;
  const [head, id, action] = path.split("/").slice(1);
  const method = request.method;
  if (head === "health") return json("OK");
  if (head === "execute" && method === "POST") return await execute(sandbox, request);
  if (head !== "contexts") return plain("Not Found", 404);
  if (id === undefined && method === "GET") return json(interpreter.contexts());
  if (id === undefined && method === "POST") return await createContext(interpreter, request);
  if (id === undefined || interpreter.find(id) === undefined) return plain(`Context ${id ?? ""} not found`, 404);
  if (method === "DELETE") await interpreter.remove(id);
  else if (action === "restart") await interpreter.restart(id);
  return json(null);
}

async function createContext(interpreter: Interpreter, request: Request): Promise<Response> {
  const body = await parseBody(request, CreateContext);
  if (!speaksPython(body.language)) return unsupported(body.language);
  return json(await interpreter.create(body.cwd ?? undefined));
}

async function execute(sandbox: Sandbox, request: Request): Promise<Response> {
  if (!sameSecret(request.headers.get("x-access-token"), sandbox.accessToken)) return plain("unauthorized", 401);
  const parsed = Execute.safeParse(parseJson(await messageOf(request)));
  // FastAPI, and so E2B, answers 422 for a body of another shape.
  if (!parsed.success) return plain("code must be a string", 422);
  const { code, context_id, language, env_vars } = parsed.data;
  if (context_id && language) return plain("Only one of context_id or language can be provided", 400);
  if (!speaksPython(language)) return unsupported(language);
  const context = context_id ? sandbox.interpreter.find(context_id) : sandbox.interpreter.contexts()[0];
  if (context === undefined) return plain(`Context ${context_id ?? "default"} not found`, 404);
  const run = { contextId: context.id, code, environment: env_vars ?? {} };
  return stream(sandbox, run, request.signal);
}

function stream(
  { interpreter, room: { channel } }: Sandbox,
  run: Omit<Run, "signal" | "emit">,
  disconnected: AbortSignal,
): Response {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async start(controller) {
      const drop = (): void => {
        gone.abort();
        controller.error();
      };
      const follower = {
        drop,
        get unreadBytes() {
          return unreadOf(controller);
        },
      };
      const emit = (line: OutputLine): void => {
        if (gone.signal.aborted) return;
        controller.enqueue(encoder.encode(`${asciiJson(line)}\n`));
        boundBacklog(channel, follower);
      };
      const keepalive = setInterval(() => emit({ type: "keepalive" }), LIMITS.keepaliveMs);
      disconnected.addEventListener("abort", () => gone.abort(), { once: true });
      try {
        await runOrRefuse(interpreter, { ...run, signal: gone.signal, emit });
        if (!gone.signal.aborted) controller.close();
      } catch {
        // The room has ended, and its end is logged. The connection must break, so that the client asks whether the
        // sandbox still lives. With a reason, Bun would print it as an uncaught error.
        controller.error();
      } finally {
        clearInterval(keepalive);
      }
    },
    cancel: () => gone.abort(),
  };
  const body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

/** A run that is refused ends like one that failed. */
async function runOrRefuse(interpreter: Interpreter, run: Run): Promise<void> {
  try {
    await interpreter.run(run);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    run.emit({ type: "error", name: "SandboxError", value: error.message, traceback: error.message });
  }
  run.emit({ type: "end_of_execution" });
}

function parseJson(message: Buffer): unknown {
  try {
    return JSON.parse(message.toString());
  } catch {
    return null;
  }
}

function speaksPython(language: string | null | undefined): boolean {
  return !language || PYTHON.includes(language.toLowerCase());
}

function unsupported(language: string | null | undefined): Response {
  return plain(`The language "${language ?? ""}" is not available in this sandbox; python is.`, 400);
}

function plain(text: string, status: number): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
