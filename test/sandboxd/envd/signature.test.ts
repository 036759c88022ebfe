import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { startServer, type TestServer, WAYS } from "../harness.ts";

describe.each(WAYS)("signed URLs of a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
    await sandbox.files.write("hello.txt", "hello world");
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const changed = (url: string, name: string, value: string): string => {
    const other = new URL(url);
    other.searchParams.set(name, value);
    return other.toString();
  };
  const answerOf = async (url: string, init?: RequestInit): Promise<readonly [number, string]> => {
    const answer = await fetch(url, init);
    return [answer.status, await answer.text()];
  };
  const form = (): FormData => {
    const made = new FormData();
    made.append("file", "from outside");
    return made;
  };

  test("give and take that one file without a token, for as long as they say", async () => {
    await server.create();
    for (const options of [{}, { useSignatureExpiration: 100 }]) {
      expect(await answerOf(await sandbox.downloadUrl("hello.txt", options))).toEqual([200, "hello world"]);
      const upload = await sandbox.uploadUrl("new.txt", options);
      expect((await answerOf(upload, { method: "POST", body: form() }))[0]).toBe(200);
    }
    expect(await sandbox.files.read("new.txt")).toBe("from outside");
  });

  test("are refused when their time is over", async () => {
    const refused = [401, JSON.stringify({ code: 401, message: "signature is already expired" })] as const;
    const options = { useSignatureExpiration: -100 };
    expect(await answerOf(await sandbox.downloadUrl("hello.txt", options))).toEqual(refused);
    const upload = await sandbox.uploadUrl("late.txt", options);
    expect(await answerOf(upload, { method: "POST", body: form() })).toEqual(refused);
    expect(await sandbox.files.exists("late.txt")).toBe(false);
  });

  test("to read a file with colons in its name write no other", async () => {
    const url = new URL(await sandbox.downloadUrl("hello.txt:write:root"));
    url.searchParams.set("path", "hello.txt");
    url.searchParams.set("username", "root:read:");
    expect((await answerOf(url.toString(), { method: "POST", body: form() }))[0]).toBe(401);
  });

  test("are good for nothing else: no other file, user, time, operation or route", async () => {
    const url = await sandbox.downloadUrl("hello.txt", { useSignatureExpiration: 100 });
    const others = [
      changed(url, "path", "/etc/passwd"),
      changed(url, "username", "root"),
      changed(url, "signature_expiration", "99999999999"),
      changed(url, "signature", "v1_"),
      url.replace("/files", "/envs"),
    ];
    for (const other of others) expect((await answerOf(other))[0]).toBe(401);
    expect((await answerOf(url, { method: "POST", body: form() }))[0]).toBe(401);
    const headers = { "e2b-sandbox-id": sandbox.sandboxId, "e2b-sandbox-port": "49983" };
    expect((await answerOf(url, { headers }))[0]).toBe(200);
    expect((await answerOf(url, { headers: { ...headers, "x-access-token": "wrong" } }))[0]).toBe(401);
    expect((await answerOf(`${server.url}/files?path=hello.txt`, { headers }))[0]).toBe(401);
  });
});
