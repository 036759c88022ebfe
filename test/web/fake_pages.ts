// The built page on the wire, with the headers that core gives it.
import { join } from "node:path";
import type { WebManifest } from "../../scripts/build_web.ts";

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
  "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

export function servePage(webFolder: string, { files }: WebManifest, pathname: string): Response {
  const known = files[pathname] ?? (pathname.startsWith("/c/") ? files["/"] : undefined);
  if (known === undefined) return new Response("not found", { status: 404 });
  return new Response(Bun.file(join(webFolder, known.brotli ?? known.file)), {
    headers: {
      "Content-Type": known.type,
      ...(known.brotli === null ? {} : { "Content-Encoding": "br" }),
      "Cache-Control": known.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      "Content-Security-Policy": CONTENT_SECURITY_POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    },
  });
}
