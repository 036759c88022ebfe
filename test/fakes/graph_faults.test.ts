// Every fault of the fake Cloud API does to a request what it says, and what it says happened did happen.
import { describe, expect, test } from "bun:test";
import { FakeGraph } from "../../fakes/graph/server.ts";
import type { Person } from "../../fakes/graph/person.ts";
import { ask, errorOf, openGraph, png, say, uploaded } from "./graph_client.ts";

const NUMBER = "4915112345678";

function shown(person: Person): (string | null)[] {
  return person.chat.messages.filter(({ from }) => from === "business").map(({ text }) => text);
}

/** How a request failed: the code of the error, or its name. */
async function lossOf(request: Promise<unknown>): Promise<unknown> {
  return await request.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : String(error)),
  );
}

async function address(graph: FakeGraph): Promise<string> {
  return String((await ask(graph, await uploaded(graph, png(), "image/png"))).body["url"]);
}

function bearer(graph: FakeGraph) {
  return { headers: { authorization: `Bearer ${graph.account.token}` } };
}

describe("a fault", () => {
  test("happens as often as it is told to, to the call that it names", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", times: 2, kind: "status", http: 503, code: 131000 });
    expect((await ask(graph, graph.account.phoneNumberId)).status).toBe(200);
    const statuses = [];
    for (const text of ["1", "2", "3"]) statuses.push((await say(graph, NUMBER, text)).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(shown(person)).toEqual(["3"]);
    expect(graph.faults.left).toBe(0);
  });

  test("of every call, or of those alone that a condition picks", async () => {
    await using graph = openGraph().graph;
    graph.faults.add({ call: "*", kind: "status", http: 500 });
    expect((await ask(graph, graph.account.phoneNumberId)).status).toBe(500);
    graph.faults.add({
      call: "messages",
      kind: "status",
      http: 500,
      when: ({ body }) => JSON.stringify(body).includes("bad"),
    });
    expect((await say(graph, NUMBER, "good")).status).toBe(200);
    expect((await say(graph, NUMBER, "bad")).status).toBe(500);
    graph.faults.add({ call: "*", kind: "hang" });
    graph.faults.clear();
    expect((await say(graph, NUMBER, "good")).status).toBe(200);
  });
});

describe("the kind", () => {
  test("status answers with code, title and retry-after, or with a gateway's page", async () => {
    await using graph = openGraph().graph;
    graph.faults.add({
      call: "messages",
      kind: "status",
      http: 429,
      code: 80007,
      title: "Rate limit",
      retryAfterSeconds: 2,
    });
    const answer = await say(graph, NUMBER, "Hi");
    expect(errorOf(answer)).toMatchObject({ code: 80007, message: "(#80007) Rate limit" });
    expect(answer.headers.get("retry-after")).toBe("2");
    graph.faults.add({ call: "probe", kind: "status", http: 502, text: "<h1>Bad gateway</h1>" });
    const page = await fetch(`${graph.url}/v23.0/${graph.account.phoneNumberId}`, bearer(graph));
    expect([page.status, page.headers.get("content-type"), await page.text()]).toEqual([
      502,
      "text/html",
      "<h1>Bad gateway</h1>",
    ]);
  });

  test("status can come after the effect", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "status", http: 500, isAfterEffect: true });
    expect((await say(graph, NUMBER, "Hi")).status).toBe(500);
    expect(shown(person)).toEqual(["Hi"]);
    expect(graph.calls.at(-1)).toMatchObject({ effect: person.chat.messages.at(-1)?.id, status: 500 });
  });

  test.each([undefined, true] as const)("hang never answers (after the effect: %p)", async (isAfterEffect) => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "hang", ...(isAfterEffect && { isAfterEffect }) });
    const giveUp = new AbortController();
    const body = JSON.stringify({ messaging_product: "whatsapp", to: NUMBER, text: { body: "Hi" } });
    const url = `${graph.url}/v23.0/${graph.account.phoneNumberId}/messages`;
    const pending = fetch(url, { method: "POST", body, ...bearer(graph), signal: giveUp.signal });
    await graph.until(() => graph.faults.left === 0 && (!isAfterEffect || shown(person).length === 1));
    giveUp.abort();
    expect(await lossOf(pending)).toBe(20);
    expect(shown(person)).toEqual(isAfterEffect ? ["Hi"] : []);
  });

  test("drop-before-effect and drop-after-effect end the connection without an answer", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "drop-before-effect" });
    expect(await lossOf(say(graph, NUMBER, "Before"))).toBe("ECONNRESET");
    expect(shown(person)).toEqual([]);
    graph.faults.add({ call: "messages", kind: "drop-after-effect" });
    expect(await lossOf(say(graph, NUMBER, "After"))).toBe("ECONNRESET");
    expect(shown(person)).toEqual(["After"]);
    expect(graph.calls.map(({ effect }) => effect !== null)).toEqual([false, true]);
  });

  test("slow answers after its time, and holds nobody else up", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "slow", ms: 200 });
    const slow = say(graph, NUMBER, "Slow");
    await graph.until(() => graph.faults.left === 0);
    expect((await say(graph, NUMBER, "Quick")).status).toBe(200);
    expect(shown(person)).toEqual(["Quick"]);
    expect((await slow).status).toBe(200);
    expect(shown(person)).toEqual(["Quick", "Slow"]);
  });

  test("truncate ends the connection in the middle of the answer, after the effect", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "truncate" });
    expect(await lossOf(say(graph, NUMBER, "Hi"))).toBe("ECONNRESET");
    expect(shown(person)).toEqual(["Hi"]);
    const url = await address(graph);
    graph.faults.add({ call: "download", kind: "truncate" });
    const response = await fetch(url, bearer(graph));
    expect(response.status).toBe(200);
    expect(await lossOf(response.arrayBuffer())).toBe("ECONNRESET");
  });

  test("refuse stops listening for a while", async () => {
    const { graph, person } = openGraph();
    await using _ = graph;
    graph.faults.add({ call: "messages", kind: "refuse", ms: 100 });
    expect(await lossOf(say(graph, NUMBER, "Lost"))).toBe("ECONNRESET");
    await graph.until(() => !graph.isListening);
    expect(await lossOf(say(graph, NUMBER, "Refused"))).toBe("ECONNREFUSED");
    await graph.until(() => graph.isListening);
    expect((await say(graph, NUMBER, "Back")).status).toBe(200);
    expect(shown(person)).toEqual(["Back"]);
  });

  test("a fake that stopped listening listens again under the same address", async () => {
    await using graph = openGraph().graph;
    const { url } = graph;
    graph.stopListening();
    expect(await lossOf(say(graph, NUMBER, "Hi"))).toBe("ECONNREFUSED");
    graph.listen();
    expect(graph.url).toBe(url);
    expect((await say(graph, NUMBER, "Hi")).status).toBe(200);
  });

  test("redirect leads to another host, which tells who brought it a bearer", async () => {
    await using graph = openGraph().graph;
    const url = await address(graph);
    graph.faults.add({ call: "download", times: 2, kind: "redirect" });
    const careful = await fetch(url, { ...bearer(graph), redirect: "manual" });
    expect([careful.status, careful.headers.get("location")]).toEqual([302, graph.strangerUrl]);
    expect(graph.strangerCalls).toEqual([]);
    await fetch(graph.strangerUrl, bearer(graph));
    const hosts = new Set(graph.bearers.map(({ host }) => host));
    expect(hosts).toEqual(new Set([new URL(url).host, new URL(graph.strangerUrl).host]));
    graph.faults.clear();
    graph.faults.add({ call: "download", kind: "redirect", to: "http://169.254.169.254/latest" });
    const response = await fetch(url, { ...bearer(graph), redirect: "manual" });
    expect(response.headers.get("location")).toBe("http://169.254.169.254/latest");
  });

  test("wrong-sha256 changes the bytes of a download, or the hash that is told for them", async () => {
    await using graph = openGraph().graph;
    const id = await uploaded(graph, png(), "image/png");
    const { body } = await ask(graph, id);
    graph.faults.add({ call: "download", kind: "wrong-sha256" });
    const bytes = await (await fetch(String(body["url"]), bearer(graph))).bytes();
    expect(bytes).toHaveLength(png().byteLength);
    expect(bytes).not.toEqual(png());
    graph.faults.add({ call: "media-url", kind: "wrong-sha256" });
    expect((await ask(graph, id)).body["sha256"]).toBe("0".repeat(64));
  });

  test("endless sends more than anything that could be a file", async () => {
    await using graph = openGraph().graph;
    const url = await address(graph);
    graph.faults.add({ call: "download", kind: "endless" });
    const response = await fetch(url, bearer(graph));
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > 8 << 20) break;
    }
    expect(bytes).toBeGreaterThan(8 << 20);
  });
});
