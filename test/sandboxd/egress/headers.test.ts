import { describe, expect, test } from "bun:test";
import { createAuthority } from "../../../src/sandboxd/egress/certificates.ts";
import { listenRaw, listenSecure, openOutside, PUBLIC, rulesOf, talk } from "./outside.ts";

const HOST = "www.example";
const CONNECT = `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`;
const NAMES = { [HOST]: [[PUBLIC]] };

describe("a host with headers", () => {
  const RULES = { rules: { [HOST]: [{ transform: { headers: { Authorization: "Bearer secret", "X-Extra": "1" } } }] } };
  const theirs = createAuthority();

  async function curl(
    outside: { port: number; gate: { authority: () => { certificate: string } } },
    ...args: string[]
  ): Promise<string> {
    const bundle = `/tmp/egress-${crypto.randomUUID()}.pem`;
    await Bun.write(bundle, outside.gate.authority().certificate);
    try {
      const child = Bun.spawn(
        ["curl", "-sS", "-m", "20", "--proxy", `http://127.0.0.1:${outside.port}`, "--cacert", bundle, ...args],
        { stdout: "pipe", stderr: "pipe" },
      );
      const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      return out + error;
    } finally {
      await Bun.file(bundle).delete();
    }
  }

  const mirror = async () =>
    await listenSecure(theirs, HOST, (socket) => {
      socket.on("data", (chunk: Buffer) => {
        const text = chunk.toString();
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      });
      socket.on("end", () => socket.end());
    });

  test("gets them on every request, in place of what the room sends", async () => {
    await using place = await mirror();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, network: RULES, trusted: theirs });
    const seen = await curl(
      outside,
      "-H",
      "authorization: mine",
      "-H",
      "X-Other: 2",
      `https://${HOST}/a`,
      `https://${HOST}/b`,
    );
    expect(seen.match(/^GET \/[ab]/gm)).toEqual(["GET /a", "GET /b"]);
    expect(seen.match(/^Authorization: Bearer secret\r$/gm)).toHaveLength(2);
    expect(seen.match(/^X-Extra: 1\r$/gm)).toHaveLength(2);
    expect(seen).toContain("X-Other: 2");
    expect(seen).not.toContain("mine");
    expect(place.connections()).toBe(1);
  });

  test("is asked by its own name only, whatever the request inside says", async () => {
    await using place = await mirror();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, network: RULES, trusted: theirs });
    const seen = await curl(outside, "-H", "Host: other.example", `https://${HOST}/a`);
    expect(seen).toContain("do not agree");
    expect(seen).not.toContain("Bearer secret");
  });

  test("must show a certificate that this machine trusts", async () => {
    await using place = await mirror();
    await using outside = await openOutside({
      names: NAMES,
      everywhere: place.port,
      network: RULES,
      trusted: createAuthority(),
    });
    expect(await curl(outside, "-v", `https://${HOST}/a`)).toContain("502 Host cannot be reached (tls)");
    expect(outside.gate.contacts()).toMatchObject([{ verdict: "failed", reason: "tls" }]);
  });

  test("is the only one whose TLS ends here: others show their own certificate", async () => {
    await using place = await mirror();
    const network = { rules: { "else.example": RULES.rules[HOST] ?? [] } };
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, network, trusted: theirs });
    expect(await curl(outside, `https://${HOST}/a`)).toMatch(/certificate|SSL/);
    expect(await curl(outside, "-k", `https://${HOST}/a`)).not.toContain("Bearer secret");
  });

  test("is let go when its headers change, so that an old key is used no more", async () => {
    await using place = await mirror();
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, network: RULES, trusted: theirs });
    const client = talk(outside.port);
    client.socket.write(CONNECT);
    await client.until("established");
    outside.gate.setRules(rulesOf({}));
    await client.ended;
  });

  test("over http:// gets none, since everybody could read them", async () => {
    await using place = await listenRaw((socket) =>
      socket.once("data", (chunk: Buffer) =>
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${chunk.length}\r\n\r\n${chunk.toString()}`),
      ),
    );
    await using outside = await openOutside({ names: NAMES, everywhere: place.port, network: RULES, trusted: theirs });
    const seen = await curl(outside, `http://${HOST}/a`);
    expect(seen).toContain("GET /a");
    expect(seen).not.toContain("Bearer secret");
  });
});
