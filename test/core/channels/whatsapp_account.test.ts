// What WhatsApp's account shows of itself: that somebody is typing, and how it is.
import { describe, expect, test } from "bun:test";
import type { Operation } from "../../../src/core/channels/operation.ts";
import { openWhatsApp } from "../../../src/core/channels/whatsapp/whatsapp.ts";
import { createLog } from "../../../src/shared/log.ts";
import { rejectionOf } from "../../shared/temporary.ts";
import { failureOf, never, NUMBER, openDesk } from "./whatsapp_desk.ts";

const TEXT: Operation = { kind: "text", text: "Done", plain: "Done", buttons: [] };

describe("typing", () => {
  test("is seen with blue ticks, and lit again every 20 seconds", async () => {
    await using desk = await openDesk();
    const hint = (about: string | null) => desk.channel.hint(`to:${NUMBER}`, "typing", about, never);
    const first = desk.ada.say("Graph this");
    await hint(first);
    expect(desk.graph.view(desk.ada)).toMatchObject({ isTyping: true });
    expect(desk.graph.view(desk.ada).readReceipts).toContain(first);
    for (const afterMs of [4_000, 4_000, 4_000, 4_000]) {
      desk.clock.advance(afterMs);
      await hint(first);
    }
    expect(desk.callsOf("messages").length).toBe(1);
    desk.clock.advance(4_000);
    await hint(first);
    expect(desk.callsOf("messages").length).toBe(2);
  });

  test("is lit for another message at once, and for two of them no more often", async () => {
    await using desk = await openDesk();
    const ids = [desk.ada.say("One"), desk.ada.say("Two")];
    for (let count = 0; count < 5; count += 1)
      for (const id of ids) await desk.channel.hint(`to:${NUMBER}`, "typing", id, never);
    expect(desk.callsOf("messages").length).toBe(2);
    desk.clock.advance(20_000);
    for (const id of ids) await desk.channel.hint(`to:${NUMBER}`, "typing", id, never);
    expect(desk.callsOf("messages").length).toBe(3);
  });

  test("is about a message, or not at all", async () => {
    await using desk = await openDesk();
    await desk.channel.hint(`to:${NUMBER}`, "typing", null, never);
    await desk.channel.hint(`to:${NUMBER}`, "photo", desk.ada.say("Hi"), never);
    await desk.channel.acknowledge("wamid.1", "Seen", never);
    expect(desk.callsOf("messages")).toEqual([]);
  });
});

describe("the account", () => {
  /** A pause that ends when the test says so; `waits` has how long it would have been. */
  function heldPause() {
    const waits: number[] = [];
    let wake = Promise.withResolvers<void>();
    let asleep = Promise.withResolvers<void>();
    return {
      waits,
      wait: async (ms: number, signal: AbortSignal) => {
        waits.push(ms);
        asleep.resolve();
        const gone = new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
        if (!signal.aborted) await Promise.race([wake.promise, gone]);
      },
      untilAsleep: () => asleep.promise,
      wake: () => {
        asleep = Promise.withResolvers<void>();
        wake.resolve();
        wake = Promise.withResolvers<void>();
      },
    };
  }

  test("is up when the service knows the number, which makes the link", async () => {
    await using desk = await openDesk();
    expect(desk.channel.linkFor("abc")).toBeNull();
    const stop = new AbortController();
    const listening = desk.channel.listen(desk.door, stop.signal);
    await desk.door.untilTold(1);
    stop.abort();
    await listening;
    await desk.channel.deliver(desk.order(TEXT), never);
    expect(desk.door.states).toEqual([{ state: "up", detail: "" }]);
    expect(desk.channel.linkFor("a/b c")).toBe("https://wa.me/15550100200?text=a%2Fb%20c");
    expect(desk.channel.account).toBe(desk.settings.phoneId);
  });

  test("is down while the service is, asked ever more slowly, and refused with a token that is none", async () => {
    const held = heldPause();
    await using desk = await openDesk({}, { wait: held.wait });
    const stop = new AbortController();
    desk.graph.faults.add({ call: "probe", kind: "status", http: 502, text: "no", times: 2 });
    desk.graph.faults.add({ call: "probe", kind: "status", http: 401, code: 190 });
    const listening = desk.channel.listen(desk.door, stop.signal);
    for (let count = 0; count < 3; count += 1) {
      await held.untilAsleep();
      held.wake();
    }
    await desk.door.untilTold(4);
    stop.abort();
    await listening;
    expect(held.waits.slice(0, 3)).toEqual([1_000, 2_000, 300_000]);
    expect(desk.door.states.map(({ state }) => state)).toEqual(["down", "down", "refused", "up"]);
  });

  test("is refused when a message is, asked for after a while, and up when a message goes", async () => {
    const held = heldPause();
    await using desk = await openDesk({}, { wait: held.wait });
    const stop = new AbortController();
    const listening = desk.channel.listen(desk.door, stop.signal);
    await desk.door.untilTold(1);
    desk.graph.faults.add({ call: "messages", kind: "status", http: 400, code: 131_031 });
    await failureOf(desk.channel.deliver(desk.order(TEXT), never));
    await held.untilAsleep();
    expect(held.waits).toEqual([300_000]);
    expect(desk.door.states.at(-1)).toMatchObject({ state: "refused" });
    await desk.channel.deliver(desk.order(TEXT), never);
    expect(desk.door.states.map(({ state }) => state)).toEqual(["up", "refused", "up"]);
    stop.abort();
    await listening;
  });

  test("is not opened without its secrets, or where the token would go in clear", async () => {
    await using desk = await openDesk();
    const log = createLog("core", "debug", () => undefined);
    for (const part of [
      { token: "" },
      { phoneId: "" },
      { phoneId: "../me" },
      { appSecret: "" },
      { verifyToken: "" },
      { apiUrl: "http://graph.facebook.com" },
      { apiUrl: "graph" },
    ])
      expect(await rejectionOf(openWhatsApp({ ...desk.settings, ...part }, log))).toMatchObject({ code: "config" });
  });
});
