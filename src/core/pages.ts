// The built dashboard in dist/web: read once, served from memory, brotli where the browser takes it.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { withHeaders } from "./http.ts";

export type Pages = {
  /** Null when there is no such file. */
  readonly serve: (path: string, request: Request) => Promise<Response | null>;
};

/** `/` and `/c/<id>` are index.html; everything under /assets/ carries a hash in its name and never changes. */
export function createPages(root: string): Pages {
  const folder = join(root, "dist/web");
  const assets = join(folder, "assets");
  const names = new Set([...filesOf(folder), ...filesOf(assets).map((name) => `assets/${name}`)]);

  const serve: Pages["serve"] = async (path, request) => {
    const name = path === "/" || path.startsWith("/c/") ? "index.html" : path.slice(1);
    if (!names.has(name) || name.endsWith(".br")) return null;
    const isPacked = names.has(`${name}.br`) && /\bbr\b/.test(request.headers.get("accept-encoding") ?? "");
    const file = Bun.file(join(folder, name));
    const bytes = await Bun.file(join(folder, isPacked ? `${name}.br` : name)).arrayBuffer();
    const headers = new Headers({ "Content-Type": file.type, Vary: "Accept-Encoding" });
    if (isPacked) headers.set("Content-Encoding", "br");
    headers.set("Cache-Control", name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    return withHeaders(new Response(bytes, { headers }));
  };
  return { serve };
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
