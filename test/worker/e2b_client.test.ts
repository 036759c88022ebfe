// The one client of sandboxes: what a dying connection looks like to a job.
import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { AppError } from "../../src/shared/errors.ts";
import { openSandbox, type JobSandbox } from "../../src/worker/e2b_client.ts";
import { rejectionOf } from "../shared/temporary.ts";

const CREATED = JSON.stringify({ sandboxID: "box", templateID: "code", clientID: "c", envdVersion: "0.4.0" });
const answer = (status: string, ...lines: string[]) => `HTTP/1.1 ${[status, ...lines].join("\r\n")}`;

/** E2B's two planes on one port, by hand: a file begins to come, and how it goes on is up to the test. */
function server() {
  let downloading: Socket | null = null;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, bytes) => {
        const request = bytes.toString("latin1");
        if (request.startsWith("POST")) {
          socket.write(
            answer("201 Created", "Content-Type: application/json", `Content-Length: ${CREATED.length}`, "", CREATED),
          );
        } else if (request.startsWith("DELETE")) {
          socket.write(answer("204 No Content", "", ""));
        } else {
          downloading = socket;
          socket.write(answer("200 OK", "Transfer-Encoding: chunked", "", "5\r\nbegun\r\n"));
        }
      },
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    end: () => void downloading?.write("3\r\n+ok\r\n0\r\n\r\n"),
    cut: () => downloading?.terminate(),
    [Symbol.dispose]: () => listener.stop(true),
  };
}

function open(url: string, signal: AbortSignal): Promise<JobSandbox> {
  const apiKey = `e2b_${"0".repeat(40)}`;
  const provider = { kind: "e2b", apiKey, apiUrl: url, sandboxUrl: url, domain: null } as const;
  return openSandbox(provider, { timeoutMs: 60_000, metadata: {}, signal });
}

async function openDownload(url: string, signal: AbortSignal) {
  const sandbox = await open(url, signal);
  const reader = (await sandbox.download("/home/user/a.csv")).getReader();
  const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
  expect(await read()).toBe("begun");
  return { read, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

test("a stop does not wait for a server that takes the request for a sandbox and says nothing", async () => {
  const asked = Promise.withResolvers<void>();
  using silent = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked.resolve();
      return new Promise<Response>(() => undefined);
    },
  });
  const controller = new AbortController();
  const opening = rejectionOf(open(silent.url.origin, controller.signal));
  await asked.promise;
  controller.abort(new AppError("cancelled", "You stopped this."));
  expect(await opening).toMatchObject({ code: "cancelled" });
});

test("a download comes in pieces and is whole at its end", async () => {
  using plane = server();
  await using download = await openDownload(plane.url, new AbortController().signal);
  plane.end();
  expect([await download.read(), await download.read()]).toEqual(["+ok", ""]);
});

test("a download whose line is cut fails as the sandbox's fault, not as ours", async () => {
  using plane = server();
  await using download = await openDownload(plane.url, new AbortController().signal);
  plane.cut();
  expect(await rejectionOf(download.read())).toMatchObject({ name: "AppError", code: "sandbox" });
});

test("a download that a stop interrupts says that it was stopped", async () => {
  using plane = server();
  const controller = new AbortController();
  await using download = await openDownload(plane.url, controller.signal);
  controller.abort(new AppError("cancelled", "You stopped this."));
  plane.cut();
  expect(await rejectionOf(download.read())).toMatchObject({ code: "cancelled" });
});
