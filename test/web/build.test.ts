import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { manifest, webFolder } from "./harness.ts";

test("the first page stays small: 40 kB of script and 15 kB of style", () => {
  expect(manifest.initial.scriptGzipBytes).toBeGreaterThan(1_000);
  expect(manifest.initial.scriptGzipBytes).toBeLessThan(40_000);
  expect(manifest.initial.styleGzipBytes).toBeGreaterThan(1_000);
  expect(manifest.initial.styleGzipBytes).toBeLessThan(15_000);
});

test("Markdown is not part of the first page", () => {
  const scripts = Object.values(manifest.files).filter((file) => file.file.endsWith(".js"));
  expect(scripts.find((file) => file.bytes > 70_000)?.file).toMatch(/chunk-/);
});

test("the page holds no inline script or style, and names only files that exist", () => {
  const page = readFileSync(join(webFolder, "index.html"), "utf8");
  expect(page).not.toMatch(/<style|style=|<script(?![^>]*\bsrc=)|\bon\w+=/);
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
  expect(named).toHaveLength(4);
  for (const path of named) expect(manifest.files[path]?.immutable).toBe(true);
});

test("every compressed sibling is there and smaller", () => {
  for (const file of Object.values(manifest.files)) {
    if (file.brotli === null) continue;
    expect(existsSync(join(webFolder, file.brotli))).toBe(true);
    expect(readFileSync(join(webFolder, file.brotli)).length).toBeLessThan(file.bytes);
  }
});
