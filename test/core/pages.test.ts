// The built page: its own files and nothing beside them.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPages } from "../../src/core/pages.ts";
import { temporaryFolder } from "../shared/temporary.ts";

function built() {
  const folder = temporaryFolder();
  const web = join(folder.path, "dist/web");
  mkdirSync(join(web, "assets/deeper"), { recursive: true });
  writeFileSync(join(web, "index.html"), "page");
  writeFileSync(join(web, "index.html.br"), "packed page");
  writeFileSync(join(web, "assets/app-123.js"), "code");
  writeFileSync(join(web, "assets/deeper/secret.js"), "code");
  writeFileSync(join(folder.path, "dist/secret"), "secret");
  symlinkSync("../secret", join(web, "linked"));
  const pages = createPages(folder.path);
  const get = (path: string, headers: Record<string, string> = {}) =>
    pages.serve(path, new Request("http://localhost/", { headers }));
  return { get, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test("the page is there at its address and at those of its conversations, fresh each time", async () => {
  using place = built();
  for (const path of ["/", "/c/0190-abc"]) {
    const response = await place.get(path);
    expect(await response?.text()).toBe("page");
    expect(response?.headers.get("content-type")).toStartWith("text/html");
    expect(response?.headers.get("cache-control")).toBe("no-cache");
    expect(response?.headers.get("content-security-policy")).toContain("script-src 'self'");
  }
});

test("files with a hash in their name stay with the browser", async () => {
  using place = built();
  const response = await place.get("/assets/app-123.js");
  expect(await response?.text()).toBe("code");
  expect(response?.headers.get("content-type")).toStartWith("text/javascript");
  expect(response?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});

test("a browser that unpacks brotli gets it packed, and caches are told", async () => {
  using place = built();
  const packed = await place.get("/", { "Accept-Encoding": "gzip, deflate, br" });
  expect([await packed?.text(), packed?.headers.get("content-encoding")]).toEqual(["packed page", "br"]);
  const plain = await place.get("/", { "Accept-Encoding": "gzip" });
  expect([await plain?.text(), plain?.headers.get("content-encoding")]).toEqual(["page", null]);
  expect(plain?.headers.get("vary")).toBe("Accept-Encoding");
});

test.each([
  "/assets",
  "/assets/",
  "/assets/deeper",
  "/assets/deeper/secret.js",
  "/index.html.br",
  "/linked",
  "/../secret",
  "/assets/../../secret",
  "//etc/passwd",
  "/nothing",
  "",
])("%p is not a page", async (path) => {
  using place = built();
  expect(await place.get(path)).toBeNull();
});

test("without a built page there is none", async () => {
  using folder = temporaryFolder();
  expect(await createPages(folder.path).serve("/", new Request("http://localhost/"))).toBeNull();
});
