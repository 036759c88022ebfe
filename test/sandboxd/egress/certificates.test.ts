import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "../../../src/sandboxd/egress/certificates.ts";

const NOW = Date.now();

describe("an authority of one sandbox", () => {
  const authority = createAuthority(NOW);
  const { cert, key } = authority.identityOf("www.example.com");
  const [root, leaf] = [new X509Certificate(authority.certificate), new X509Certificate(cert)];

  test("signs certificates of one host each, for days", () => {
    expect([root.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost("www.example.com")).toBe("www.example.com");
    expect(leaf.checkHost("example.com")).toBeUndefined();
    expect(Date.parse(leaf.validTo)).toBeGreaterThan(NOW + 2 * 86_400_000);
    expect(Date.parse(leaf.validTo)).toBeLessThan(NOW + 7 * 86_400_000);
    expect(key).toContain("PRIVATE KEY");
  });

  test("passes the strict reading of OpenSSL, and no other authority's", async () => {
    const folder = await mkdtemp("/tmp/egress-");
    try {
      const files = { root: authority.certificate, leaf: cert, other: createAuthority(NOW).certificate };
      for (const [name, text] of Object.entries(files)) await Bun.write(join(folder, name), text);
      const verify = async (ca: string): Promise<string> => {
        const args = [
          "-x509_strict",
          "-purpose",
          "sslserver",
          "-verify_hostname",
          "www.example.com",
          "-CAfile",
          ca,
          "leaf",
        ];
        const child = Bun.spawn(["openssl", "verify", ...args], { cwd: folder, stdout: "pipe", stderr: "pipe" });
        return (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
      };
      expect(await verify("root")).toBe("leaf: OK\n");
      expect(await verify("other")).toContain("error");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("makes the certificate of a host once", () => {
    expect(authority.identityOf("www.example.com").cert).toBe(cert);
    expect(authority.identityOf("other.example.com").cert).not.toBe(cert);
  });
});
