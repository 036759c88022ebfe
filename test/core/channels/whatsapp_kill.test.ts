// Core is killed when what WhatsApp posted is durable and before WhatsApp is told so: the second post of it is none.
import { expect, setDefaultTimeout, test } from "bun:test";
import { claim, settle, startConnected, until } from "./connected.ts";

setDefaultTimeout(60_000);

test("what was kept by a core that was killed before it could say so is one job, and is answered once", async () => {
  let real = "";
  let onKept: (() => Promise<void>) | null = null;
  // What the platform sees of a core that dies between the two: it was taken, and the line is cut without an answer.
  using between = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const response = await fetch(real, {
        method: "POST",
        body: await request.arrayBuffer(),
        headers: request.headers,
      });
      if (response.status !== 200 || onKept === null) return new Response(null, { status: response.status });
      await onKept();
      return new Response(new ReadableStream({ pull: (stream) => stream.error() }));
    },
    error: () => new Response(null, { status: 502 }),
  });
  await using city = await startConnected((url) => {
    real = url;
    return `${between.url}whatsapp`;
  });
  const killed = Promise.withResolvers<void>();
  onKept = async () => {
    onKept = null;
    await city.core.kill("SIGKILL");
    killed.resolve();
  };
  city.ada.say("Graph this");
  await killed.promise;
  expect(city.value("SELECT count(*) FROM arrivals")).toBe(1);
  await city.restart();
  await until(() => city.graph.webhooks.isIdle);
  const post = city.graph.webhooks.attempts.filter((one) => one.post === city.graph.webhooks.attempts[0]?.post);
  expect(post.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(post.length).toBeGreaterThan(1);
  await settle(city.core, await claim(city.core), { name: "a.csv", mediaType: "text/csv", bytes: 4 }, (path) =>
    Bun.write(path, "a\n1\n"),
  );
  await until(() => city.value("SELECT count(*) FROM deliveries WHERE ended_at IS NOT NULL") === 2);
  expect(city.value("SELECT count(*) FROM arrivals")).toBe(1);
  expect(city.value("SELECT count(*) FROM jobs")).toBe(1);
  const answers = city.graph.view(city.ada).messages.filter(({ from }) => from === "business");
  expect(answers.map(({ text }) => text)).toEqual(["Here it is.", null]);
});
