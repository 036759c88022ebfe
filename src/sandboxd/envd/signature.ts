// E2B's signed URLs: whoever has one may read or write that one file, without the sandbox's access token.
import { createHash } from "node:crypto";
import type { Sandbox } from "../sandboxes.ts";
import { sameSecret } from "../wire.ts";

type Signer = Pick<Sandbox, "accessToken">;

/** Of a request for /files. Null: it may be answered; else why it may not. A token that is shown must be the right one. */
export function refusalOfFiles({ accessToken }: Signer, request: Request, url: URL): string | null {
  const token = request.headers.get("x-access-token");
  if (token !== null) return sameSecret(token, accessToken) ? null : "The access token is not valid.";
  if (!url.searchParams.has("signature")) return "missing signature query parameter";
  if (!isSignedBy({ accessToken }, request.method, url)) return "invalid signature";
  const expiration = url.searchParams.get("signature_expiration");
  // In the words of E2B, which its clients may look for.
  return expiration !== null && Number(expiration) < Math.floor(Date.now() / 1_000)
    ? "signature is already expired"
    : null;
}

/** Whether this sandbox's token made the signature, be it expired or not. */
export function isSignedBy({ accessToken }: Signer, method: string, { searchParams }: URL): boolean {
  const operation = method === "GET" ? "read" : "write";
  const user = searchParams.get("username") ?? "";
  const expiration = searchParams.get("signature_expiration");
  // A path may have colons. With them elsewhere, one signature could be read in two ways.
  if (user.includes(":") || !/^\d*$/.test(expiration ?? "")) return false;
  const parts = [searchParams.get("path") ?? "", operation, user, accessToken];
  const signed = [...parts, ...(expiration === null ? [] : [expiration])].join(":");
  const digest = createHash("sha256").update(signed).digest("base64").replace(/=+$/, "");
  return sameSecret(searchParams.get("signature"), `v1_${digest}`);
}
