// Providers of models on the wire, as far as their lists of models go: who asked, and what is answered.
export type FakeProvider = AsyncDisposable & {
  readonly url: string;
  /** Path and headers of each request. */
  readonly asked: { readonly path: string; readonly headers: Readonly<Record<string, string>> }[];
  answer: () => Response | Promise<Response>;
};

export const listOf = (...ids: readonly string[]): Response =>
  Response.json({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });

export function fakeProvider(): FakeProvider {
  const asked: FakeProvider["asked"] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push({ path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) });
      return provider.answer();
    },
  });
  const provider: FakeProvider = {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    answer: () => listOf("some-model"),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return provider;
}
