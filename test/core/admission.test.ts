// Who may speak to core: every route asks, every answer is armoured, and no page of another place gets in.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { addPairing } from "../../src/shared/devices.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { refusalOf, sendRaw, startCore, type Core } from "./server.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore({ SANDPIPER_MAX_UPLOAD_MB: "1" });
});
afterAll(() => core[Symbol.asyncDispose]());

const OpenApi = z.object({
  openapi: z.literal("3.1.0"),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ security: z.unknown().optional() }))),
});

async function routes(): Promise<{ method: string; path: string; isOpen: boolean }[]> {
  const { paths } = OpenApi.parse(await (await core.call("/api/openapi.json")).json());
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{\w+\}/g, "nothing"),
      isOpen: security === undefined,
    })),
  );
}

const asked = (method: string, headers: Record<string, string>): RequestInit => ({
  method,
  headers: { "Content-Type": "application/json", ...headers },
  ...(method === "POST" ? { body: "{}" } : {}),
});

describe("every route", () => {
  test("but health and pairing refuses one who shows nothing or the wrong token", async () => {
    const all = await routes();
    expect(all.filter((one) => one.isOpen).map((one) => one.path)).toEqual(["/health", "/api/pair"]);
    expect(all.length).toBeGreaterThan(12);
    for (const { method, path } of all.filter((one) => !one.isOpen)) {
      for (const headers of [{}, { Authorization: "Bearer wrong" }, { Authorization: `Basic ${core.token}` }]) {
        const refused = await refusalOf(await fetch(core.url + path, asked(method, headers)));
        expect({ path, status: refused.status, code: refused.code }).toEqual({
          path,
          status: 401,
          code: "unauthorized",
        });
      }
    }
  });

  test.each([
    ["another site's page", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors" }],
    ["another port's page", { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors" }],
    ["a foreign origin", { Origin: "https://evil.example" }],
    ["an origin of another port", { Origin: "http://127.0.0.1:1" }],
    ["an origin that begins like ours", { Origin: "http://127.0.0.1.evil.example" }],
    ["no origin at all, said so", { Origin: "null" }],
    ["a rebound name", { Host: "rebind.example.test" }],
    ["a name that begins like ours", { Host: "127.evil.com" }],
    ["our name without our port", { Host: "127.0.0.1" }],
    ["our name and another port", { Host: "localhost:1" }],
  ])("refuses %s, even with the token", async (_name, headers: Record<string, string>) => {
    for (const { method, path } of await routes()) {
      const token = { Authorization: `Bearer ${core.token}` };
      const refused = await refusalOf(await fetch(core.url + path, asked(method, { ...token, ...headers })));
      expect({ path, status: refused.status }).toEqual({ path, status: 403 });
    }
  });

  test("takes the token from our own origin and from programs without one", async () => {
    for (const headers of [{}, { Origin: core.url }, { "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none" }])
      expect((await core.call("/api/session", { headers })).status).toBe(200);
    const host = `localhost:${core.port}`;
    expect((await core.call("/api/session", { headers: { Host: host, Origin: `http://${host}` } })).status).toBe(200);
  });

  test("a link on another site may open the page, but nothing behind it", async () => {
    const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };
    expect((await fetch(`${core.url}/`, { headers })).status).not.toBe(403);
    expect((await fetch(`${core.url}/api/session`, { headers })).status).toBe(401);
    const post = { method: "POST", headers: { ...headers, Authorization: `Bearer ${core.token}` } };
    expect((await fetch(`${core.url}/api/messages`, post)).status).toBe(403);
  });
});

describe("every answer", () => {
  const HEADERS = {
    "content-security-policy": /^default-src 'none'; script-src 'self'; .*require-trusted-types-for 'script'$/,
    "x-content-type-options": /^nosniff$/,
    "referrer-policy": /^no-referrer$/,
    "cross-origin-opener-policy": /^same-origin$/,
    "cross-origin-resource-policy": /^same-origin$/,
    "permissions-policy": /camera=\(\)/,
    "cache-control": /\S/,
  };
  const missing = (response: Response) =>
    Object.entries(HEADERS).flatMap(([name, form]) => (form.test(response.headers.get(name) ?? "") ? [] : [name]));

  test.each([
    ["a success", "GET", "/health", {}],
    ["a refusal", "GET", "/api/session", { Authorization: "Bearer wrong" }],
    ["a forbidden origin", "GET", "/api/session", { Origin: "https://evil.example" }],
    ["an unknown route", "GET", "/api/nothing", {}],
    ["a method that a route has not", "DELETE", "/api/session", {}],
    ["a method that nothing has", "PUT", "/api/session", {}],
    ["a question before a request", "OPTIONS", "/api/messages", {}],
    ["a page that is not there", "GET", "/nothing.js", {}],
    ["a body that is not JSON", "POST", "/api/messages", { "Content-Type": "application/json" }],
    ["a socket that is none", "GET", "/api/live", {}],
    ["a name that cannot be decoded", "GET", "/api/jobs/%zz", {}],
  ])("is armoured: %s", async (_name, method, path, headers: Record<string, string>) => {
    const response = await core.call(path, { method, headers, ...(method === "POST" ? { body: "{" } : {}) });
    expect(missing(response)).toEqual([]);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    if (!response.ok) expect((await refusalOf(response)).status).toBeLessThan(500);
  });

  test.each(["", "a b", "[", "http://x/", ":::", "\u00ff", "127.0.0.1:99999999"])(
    "with the host %p is an armoured refusal and no page of errors",
    async (host) => {
      const answer = await sendRaw(core.port, `GET /nothing HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer.split("\r\n")[0]).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toMatch(/\.ts:\d|stack/);
    },
  );

  test("keeps what it says out of the browser's cache", async () => {
    expect((await core.call("/api/session")).headers.get("cache-control")).toBe("no-store");
  });
});

describe("pairing", () => {
  const tokenOf = (link: string) => link.split("#pair=")[1] ?? "";
  const pair = (token: string) =>
    fetch(`${core.url}/api/pair`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "User-Agent": "Test" },
      body: JSON.stringify({ token }),
    });
  const newLink = async () => {
    const { url } = z.object({ url: z.string() }).parse(await (await core.post("/api/link", {})).json());
    return url;
  };

  async function pairedBrowser() {
    const response = await pair(tokenOf(await newLink()));
    const { key } = z.object({ key: z.string() }).parse(await response.json());
    const setCookie = response.headers.get("set-cookie") ?? "";
    return { key, setCookie, cookie: setCookie.split(";")[0] ?? "" };
  }
  const session = async (headers: Record<string, string>) =>
    (await fetch(`${core.url}/api/session`, { headers })).status;

  test("opens one browser with the link that core made at its start, and only one", async () => {
    expect(core.link).toMatch(new RegExp(`^http://localhost:${core.port}/#pair=[\\w-]{43}$`));
    expect((await pair(tokenOf(core.link))).status).toBe(200);
    expect(await refusalOf(await pair(tokenOf(core.link)))).toMatchObject({ status: 401 });
  });

  test("gives a cookie that scripts cannot read, named after the port, and a key; both together open", async () => {
    const { key, setCookie, cookie } = await pairedBrowser();
    expect(setCookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\//);
    expect(cookie).toStartWith(`sandpiper_${core.port}=`);
    expect(await session({ Cookie: `other=1; ${cookie}`, "X-Sandpiper-Key": key })).toBe(200);
  });

  test("leaves a cookie alone, a key alone, and halves of two browsers outside", async () => {
    const [first, second] = [await pairedBrowser(), await pairedBrowser()];
    expect(await session({ Cookie: first.cookie })).toBe(401);
    expect(await session({ "X-Sandpiper-Key": first.key })).toBe(401);
    expect(await session({ Cookie: first.cookie, "X-Sandpiper-Key": second.key })).toBe(401);
    expect(await session({ Cookie: first.cookie, "X-Sandpiper-Key": "" })).toBe(401);
    expect(await session({ Authorization: `Bearer ${first.key}` })).toBe(401);
    expect(await session({ Cookie: `x${first.cookie}`, "X-Sandpiper-Key": first.key })).toBe(401);
  });

  test("is over after five minutes, and neither a wrong nor an empty token pairs", async () => {
    await addPairing(core.board, "expired", Date.now() - 1, Date.now() - 300_001);
    for (const token of ["expired", "wrong", ""]) expect((await pair(token)).status).toBe(401);
  });

  test("keeps the browser's name, and neither half of its secret", async () => {
    const { key, cookie } = await pairedBrowser();
    const kept = core.board.read((tx) => JSON.stringify(tx.all("SELECT * FROM devices")));
    expect(kept).toContain('"label":"Test"');
    expect(kept).not.toContain(key);
    expect(kept).not.toContain(cookie.split("=")[1] ?? "");
  });
});

describe("the token for programs", () => {
  test("is long, secret and stays the same", async () => {
    expect(core.token).toMatch(/^[\w-]{43}$/);
    expect(statSync(join(core.home, "data/token")).mode & 0o777).toBe(0o600);
  });

  test.each(["", "\n", "short"])(
    "that was not written whole (%p) is made anew: nobody gets in with it",
    async (left) => {
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, "data"));
      writeFileSync(join(folder.path, "data/token"), left);
      chmodSync(join(folder.path, "data/token"), 0o600);
      await using other = await startCore({}, folder.path);
      expect(other.token).toMatch(/^[\w-]{43}$/);
      expect((await other.call("/api/session")).status).toBe(200);
    },
  );
});
