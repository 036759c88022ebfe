// E2B's control plane as its SDK meets it: a key, slow creates that go on when the caller dies, lists in pages, kills.
import { z } from "zod";

const Create = z.object({ metadata: z.record(z.string(), z.string()).default({}) });

type Sandbox = { readonly id: string; readonly metadata: Readonly<Record<string, string>>; killedAt: number | null };

export type Provider = AsyncDisposable & {
  readonly url: string;
  readonly key: string;
  readonly created: () => number;
  /** Those that nobody has killed; none ends by itself, so that none is overlooked. */
  readonly alive: () => Sandbox[];
  readonly creating: () => number;
  /** The next sandbox is made, but a gateway says otherwise. */
  readonly cutNext: () => void;
  /** The next kill is refused, as by a server that is not well. */
  readonly refuseNextKill: () => void;
  /** Resolves when somebody asks for the list. */
  readonly nextList: () => Promise<void>;
};

const PAGE = 100;

/** `createMs`: how long the next create takes. */
export function openProvider(createMs: () => number = () => 0): Provider {
  const key = `e2b_${crypto.getRandomValues(Buffer.alloc(20)).toString("hex")}`;
  const sandboxes = new Map<string, Sandbox>();
  let creating = 0;
  let isCut = false;
  let isKillRefused = false;
  let listed = Promise.withResolvers<void>();
  const alive = () => [...sandboxes.values()].filter((one) => one.killedAt === null);

  const create = async (request: Request): Promise<Response> => {
    const { metadata } = Create.parse(await request.json());
    creating += 1;
    await Bun.sleep(createMs());
    creating -= 1;
    const sandbox: Sandbox = { id: `box${Bun.randomUUIDv7("hex").replaceAll("-", "")}`, metadata, killedAt: null };
    sandboxes.set(sandbox.id, sandbox);
    if (isCut) {
      isCut = false;
      return refuse(502, "Bad gateway");
    }
    return Response.json(describe(sandbox), { status: 201 });
  };

  const kill = (id: string): Response => {
    const sandbox = sandboxes.get(id);
    if (sandbox === undefined || sandbox.killedAt !== null) return refuse(404, "There is no such sandbox.");
    if (isKillRefused) {
      isKillRefused = false;
      return refuse(500, "Not now.");
    }
    sandbox.killedAt = Date.now();
    return new Response(null, { status: 204 });
  };

  const read = (id: string): Response => {
    const sandbox = sandboxes.get(id);
    return sandbox === undefined || sandbox.killedAt !== null
      ? refuse(404, "There is no such sandbox.")
      : Response.json(describe(sandbox));
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const url = new URL(request.url);
      if (request.headers.get("x-api-key") !== key) return refuse(401, "The API key is not valid.");
      const [, id] = /^\/(?:v2\/)?sandboxes(?:\/(\w+))?$/.exec(url.pathname) ?? [null, null];
      if (id === null) return refuse(404, "There is no such route.");
      if (id === undefined && request.method === "POST") return await create(request);
      if (id === undefined) {
        listed.resolve();
        return list(alive(), url.searchParams);
      }
      return request.method === "DELETE" ? kill(id) : read(id);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    key,
    created: () => sandboxes.size,
    alive,
    creating: () => creating,
    cutNext: () => void (isCut = true),
    refuseNextKill: () => void (isKillRefused = true),
    nextList: () => (listed = Promise.withResolvers()).promise,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function list(sandboxes: readonly Sandbox[], query: URLSearchParams): Response {
  const wanted = [...new URLSearchParams(query.get("metadata") ?? "")].map(
    ([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)] as const,
  );
  const offset = Number(query.get("nextToken") ?? 0);
  const matching = sandboxes.filter((one) => wanted.every(([name, value]) => one.metadata[name] === value));
  const headers = offset + PAGE < matching.length ? { "x-next-token": String(offset + PAGE) } : undefined;
  return Response.json(matching.slice(offset, offset + PAGE).map(describe), headers === undefined ? {} : { headers });
}

function describe({ id, metadata }: Sandbox): object {
  return {
    sandboxID: id,
    templateID: "code",
    clientID: "chaos",
    envdVersion: "0.6.13",
    cpuCount: 2,
    memoryMB: 512,
    diskSizeMB: 1,
    state: "running",
    metadata,
    startedAt: "2026-01-01T00:00:00Z",
    endAt: "2027-01-01T00:00:00Z",
  };
}

const refuse = (code: number, message: string): Response => Response.json({ code, message }, { status: code });
