// Builds the dashboard (src/web) into dist/web: split, minified, named by content, and compressed beforehand.
// dist/web/index.html, dist/web/assets/*, each with a `.br` beside it where that is smaller, and manifest.json.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { z } from "zod";

const Manifest = z.object({
  /** Keys are URL paths ("/", "/assets/main-….js"). */
  files: z.record(
    z.string(),
    z.object({
      /** Relative to the folder of the build. */
      file: z.string(),
      type: z.string(),
      bytes: z.number(),
      /** The compressed sibling, or null where compression gains nothing. */
      brotli: z.string().nullable(),
      /** Named by its content: may be kept by browsers for ever. */
      immutable: z.boolean(),
    }),
  ),
  /** What the first page loads. */
  initial: z.object({ scriptGzipBytes: z.number(), styleGzipBytes: z.number() }),
});
export type WebManifest = z.infer<typeof Manifest>;

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const ROOT = join(import.meta.dir, "..");
const SOURCE = join(ROOT, "src/web");
const ENTRIES = ["theme_boot.ts", "styles/index.css", "main.tsx"] as const;

export async function buildWeb(target = join(ROOT, "dist/web")): Promise<WebManifest> {
  const part = `${target}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(join(part, "assets"), { recursive: true });
  const { names, initial } = await bundle(join(part, "assets"));
  names.set("icon.svg", copyIcon(join(part, "assets")));
  writeFileSync(join(part, "index.html"), pageOf(names));
  const manifest: WebManifest = { files: compressAll(part), initial: sizesOf(part, initial) };
  writeFileSync(join(part, "manifest.json"), JSON.stringify(manifest, null, 2));
  rmSync(target, { recursive: true, force: true });
  renameSync(part, target);
  return manifest;
}

/** The manifest of an earlier build. */
export async function readManifest(folder: string): Promise<WebManifest> {
  return Manifest.parse(await Bun.file(join(folder, "manifest.json")).json());
}

type Bundle = { readonly names: Map<string, string>; readonly initial: readonly string[] };

async function bundle(outdir: string): Promise<Bundle> {
  const result = await Bun.build({
    entrypoints: ENTRIES.map((entry) => join(SOURCE, entry)),
    outdir,
    target: "browser",
    splitting: true,
    minify: true,
    publicPath: "/assets/",
    naming: { entry: "[name]-[hash].[ext]", chunk: "chunk-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: { runtime: "automatic", importSource: "preact", development: false },
  });
  const written = result.outputs.map((output) => output.path.slice(outdir.length + 1));
  const names = new Map<string, string>(
    ENTRIES.map((entry) => {
      const stem = entry.replace(/^.*\//, "").replace(/\.\w+$/, "");
      const extension = entry.endsWith(".css") ? "css" : "js";
      const name = written.find((file) => file.startsWith(`${stem}-`) && file.endsWith(`.${extension}`));
      if (name === undefined) throw new Error(`the build has no output for ${entry}`);
      return [entry, name];
    }),
  );
  return { names, initial: reachable([...names.values()], outdir) };
}

/** The entries and everything that they import statically: what a browser fetches before the page can start. */
function reachable(entries: readonly string[], outdir: string): string[] {
  const found = new Set(entries);
  for (const name of found) {
    if (!name.endsWith(".js")) continue;
    const code = readFileSync(join(outdir, name), "utf8");
    for (const [, imported] of code.matchAll(/(?:from|import)\s*"\/assets\/([^"]+)"/g)) {
      if (imported !== undefined) found.add(imported);
    }
  }
  return [...found];
}

function copyIcon(outdir: string): string {
  const icon = readFileSync(join(SOURCE, "icon.svg"));
  const name = `icon-${Bun.hash(icon).toString(36)}.svg`;
  writeFileSync(join(outdir, name), icon);
  return name;
}

function pageOf(names: ReadonlyMap<string, string>): string {
  let page = readFileSync(join(SOURCE, "index.html"), "utf8");
  for (const [source, name] of names) page = page.replace(`"${source}"`, `"/assets/${name}"`);
  return page;
}

function compressAll(folder: string): WebManifest["files"] {
  const files: WebManifest["files"] = {};
  const assets = readdirSync(join(folder, "assets")).toSorted();
  for (const file of ["index.html", ...assets.map((name) => `assets/${name}`)]) {
    const bytes = readFileSync(join(folder, file));
    const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    const isSmaller = packed.length < bytes.length;
    if (isSmaller) writeFileSync(join(folder, `${file}.br`), packed);
    files[file === "index.html" ? "/" : `/${file}`] = {
      file,
      type: TYPES[extname(file)] ?? "application/octet-stream",
      bytes: bytes.length,
      brotli: isSmaller ? `${file}.br` : null,
      immutable: file !== "index.html",
    };
  }
  return files;
}

function sizesOf(folder: string, initial: readonly string[]): WebManifest["initial"] {
  const gzipBytes = (extension: string): number =>
    initial
      .filter((name) => name.endsWith(extension))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, "assets", name)), { level: 9 }).length, 0);
  return { scriptGzipBytes: gzipBytes(".js"), styleGzipBytes: gzipBytes(".css") };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}

if (import.meta.main) {
  const started = performance.now();
  const { initial, files } = await buildWeb();
  console.log(
    `dist/web: ${Object.keys(files).length} files, first page ${kilobytes(initial.scriptGzipBytes)} of script and ` +
      `${kilobytes(initial.styleGzipBytes)} of style (gzip), built in ${Math.round(performance.now() - started)} ms`,
  );
}
