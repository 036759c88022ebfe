// Files that people send: to whom the token is shown, and what is believed of the bytes.
import { describe, expect, test } from "bun:test";
import { AppError } from "../../../src/shared/errors.ts";
import type { IncomingFile } from "../../../src/core/channels/channel.ts";
import { verified } from "../../../src/core/channels/whatsapp/bytes.ts";
import { isInside, objectionTo } from "../../../src/core/channels/whatsapp/hosts.ts";
import { rejectionOf } from "../../shared/temporary.ts";
import { never, openDesk, type WhatsAppDesk } from "./whatsapp_desk.ts";

const BYTES = new TextEncoder().encode("city,sales\nOslo,5\n");

/** A file that Ada sent. */
async function sent(desk: WhatsAppDesk, bytes = BYTES): Promise<IncomingFile> {
  desk.ada.sendDocument({ bytes, mediaType: "text/csv", name: "sales.csv" });
  await desk.graph.webhooks.idle();
  const [file] = desk.door.files;
  if (file === undefined) throw new Error("There is no file.");
  return file;
}

async function fetched(desk: WhatsAppDesk, file: IncomingFile): Promise<Uint8Array> {
  return new Response(await desk.channel.fetch(file, never)).bytes();
}

async function refusal(desk: WhatsAppDesk, file: IncomingFile): Promise<AppError> {
  const thrown = await rejectionOf(fetched(desk, file));
  if (!(thrown instanceof AppError)) throw new Error(`It was not refused: ${String(thrown)}`);
  return thrown;
}

describe("a file", () => {
  test("comes whole, by two requests of which each has the token", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    expect(file.name).toBe("sales.csv");
    expect(await fetched(desk, file)).toEqual(BYTES);
    const calls = desk.graph.calls.slice(-2);
    expect(calls.map(({ call }) => call)).toEqual(["media-url", "download"]);
    for (const { headers } of calls) expect(headers.authorization).toBe(`Bearer ${desk.settings.token}`);
  });

  test("of another hash is refused, whether the answer or the bytes are wrong", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    for (const call of ["media-url", "download"] as const) {
      desk.graph.faults.add({ call, kind: "wrong-sha256" });
      expect((await refusal(desk, file)).code).toBe("unavailable");
    }
    expect(await fetched(desk, file)).toEqual(BYTES);
  });

  test("that breaks off is refused", async () => {
    await using desk = await openDesk();
    const file = await sent(desk, new Uint8Array(100_000));
    desk.graph.faults.add({ call: "download", kind: "truncate" });
    expect(await rejectionOf(fetched(desk, file))).toBeInstanceOf(Error);
  });

  test("without end is stopped at the cap", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    desk.graph.faults.add({ call: "download", kind: "endless" });
    expect((await refusal(desk, file)).message).toContain("up to 100 MB");
  });

  test("of 101 MB is refused before it is asked for", async () => {
    await using desk = await openDesk();
    const file = await sent(desk, new Uint8Array(101 * 2 ** 20));
    const { code, message } = await refusal(desk, file);
    expect(code).toBe("too_large");
    expect(message).toContain("101 MB");
    expect(desk.callsOf("download")).toEqual([]);
  });

  test("that is gone may be had another time", async () => {
    await using desk = await openDesk();
    const gone = { ref: "123", name: "a.csv", bytes: null };
    expect((await refusal(desk, gone)).code).toBe("unavailable");
    const file = await sent(desk);
    desk.graph.faults.add({ call: "download", kind: "status", http: 404 });
    expect((await refusal(desk, file)).code).toBe("unavailable");
  });
});

describe("the token", () => {
  const strangers = ["http://169.254.169.254/latest", "http://127.0.0.1:1/x", "https://evil.example/x"];
  test.each(["the stranger", ...strangers])("does not follow a redirect to %s", async (to) => {
    await using desk = await openDesk();
    const file = await sent(desk);
    desk.graph.faults.add({ call: "download", kind: "redirect", ...(to === "the stranger" ? {} : { to }) });
    expect((await refusal(desk, file)).code).toBe("forbidden");
    expect(desk.graph.strangerCalls).toEqual([]);
  });

  test("follows one on the same host, but not in circles", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    const target = new URL("/whatsapp_business/attachments/?hash=none", desk.graph.url).href;
    desk.graph.faults.add({ call: "download", kind: "redirect", to: target, times: 9 });
    expect((await refusal(desk, file)).code).toBe("unavailable");
    expect(desk.callsOf("download").length).toBe(4);
  });

  test("does not follow one to another host, even of Meta's", async () => {
    await using desk = await openDesk({}, { resolve: async () => ["157.240.1.1"] });
    const file = await sent(desk);
    desk.graph.faults.add({ call: "download", kind: "redirect", to: "https://graph.facebook.com/x" });
    expect((await refusal(desk, file)).code).toBe("forbidden");
  });

  test("is shown to none but Meta's hosts, whatever the service says", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    for (const base of [new URL(desk.graph.strangerUrl).origin, "https://evil.example", "http://graph.facebook.com"]) {
      desk.graph.rules.mediaBase = base;
      expect((await refusal(desk, file)).code).toBe("forbidden");
    }
    expect(desk.graph.strangerCalls).toEqual([]);
    expect(desk.lines.filter((line) => line.includes("media-refused")).length).toBe(3);
  });

  test("is not taken along by a redirect of the API itself", async () => {
    await using desk = await openDesk();
    const file = await sent(desk);
    desk.graph.faults.add({ call: "media-url", kind: "redirect" });
    expect((await refusal(desk, file)).code).toBe("unavailable");
    expect(desk.graph.strangerCalls).toEqual([]);
  });
});

test("no more than the cap is taken, and no more than that is asked for", async () => {
  let asked = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      asked += 1;
      controller.enqueue(new Uint8Array(10));
    },
  });
  const refuse = { tooLarge: () => new Error("too large"), mismatch: () => new Error("mismatch") };
  let bytes = 0;
  const read = async () => {
    for await (const chunk of verified(endless, { maxBytes: 25, sha256: "00" }, refuse)) bytes += chunk.byteLength;
  };
  expect(await rejectionOf(read())).toEqual(new Error("too large"));
  expect(bytes).toBeLessThanOrEqual(25);
  expect(asked).toBeLessThan(8);
});

describe("a host", () => {
  const api = new URL("http://127.0.0.1:9999");
  const objection = (url: string, addresses: readonly string[] = ["157.240.1.1"]) =>
    objectionTo(new URL(url), api, async () => addresses);

  test.each([
    "https://graph.facebook.com/x",
    "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
    "https://mmg.whatsapp.net/x",
    "https://media-fra3-1.cdn.whatsapp.net/x",
    "http://127.0.0.1:9999/x",
  ])("%s may be asked", async (url) => {
    expect(await objection(url)).toBeNull();
  });

  test.each([
    "http://lookaside.fbsbx.com/x",
    "https://lookaside.fbsbx.com:8443/x",
    "https://user@lookaside.fbsbx.com/x",
    "https://lookaside.fbsbx.com.evil.example/x",
    "https://evil-whatsapp.net/x",
    "https://evil-lookaside.fbsbx.com/x",
    "https://whatsapp.net/x",
    "https://evil.example/graph.facebook.com",
    "https://157.240.1.1/x",
    "https://127.0.0.1:9999/x",
    "http://127.0.0.1:9998/x",
    "http://localhost:9999/x",
    "file:///etc/passwd",
  ])("%s may not", async (url) => {
    expect(await objection(url)).not.toBeNull();
  });

  test.each([
    "10.1.2.3",
    "127.0.0.1",
    "169.254.169.254",
    "192.168.0.1",
    "::1",
    "fd00::1",
    "fe80::1",
    "::ffff:10.0.0.1",
  ])("that leads to %s may not, by whatever name", async (address) => {
    expect(isInside(address)).toBe(true);
    expect(await objection("https://graph.facebook.com/x", ["157.240.1.1", address])).not.toBeNull();
  });

  test("that nobody knows may not", async () => {
    expect(await objection("https://graph.facebook.com/x", [])).not.toBeNull();
    const fails = () => Promise.reject(new Error("ENOTFOUND"));
    expect(await objectionTo(new URL("https://graph.facebook.com/x"), api, fails)).not.toBeNull();
    for (const address of ["157.240.1.1", "2a03:2880::1"]) expect(isInside(address)).toBe(false);
  });
});
