import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { parseAddress } from "../../../src/sandboxd/egress/address.ts";
import { createAuthority } from "../../../src/sandboxd/egress/certificates.ts";
import { realWorld } from "../../../src/sandboxd/egress/dial.ts";
import { failureOf } from "../harness.ts";
import { listenRaw, listenSecure } from "./outside.ts";

const never = new AbortController().signal;

describe("the real world", () => {
  test("is dialled at an address, which is all that it is told", async () => {
    await using place = await listenRaw((socket) => socket.end("hello"));
    const socket = await realWorld().dial("127.0.0.1", place.port, never);
    const heard: unknown = await once(socket, "data");
    expect(String(heard)).toBe("hello");
    socket.destroy();
  });

  test("says when nobody is there, and stops waiting when it is told to", async () => {
    const place = await listenRaw(() => undefined);
    await place[Symbol.asyncDispose]();
    expect(await failureOf(realWorld().dial("127.0.0.1", place.port, never))).toMatch(/ECONNREFUSED|connect/i);
    expect(await failureOf(realWorld().dial("127.0.0.1", 1, AbortSignal.abort()))).toBe("It took too long.");
  });

  test("believes only certificates that this machine trusts", async () => {
    await using place = await listenSecure(createAuthority(), "www.example", () => undefined);
    const world = realWorld();
    const socket = await world.dial("127.0.0.1", place.port, never);
    expect(await failureOf(world.secure(socket, "www.example", never))).toMatch(/certificate|issuer/);
  });

  test("does not look up names of this machine's own", async () => {
    expect(await failureOf(realWorld().resolve("localhost"))).toMatch(/ENOTFOUND|ENODATA|EAI_AGAIN|ETIMEOUT/);
  });

  test("refuses what points inward", () => {
    const { isRefused } = realWorld();
    const refusals = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"].map((text) => {
      const address = parseAddress(text);
      return address === null ? null : isRefused(address);
    });
    expect(refusals).not.toContain(null);
  });
});
