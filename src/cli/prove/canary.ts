// Servers on this machine's loopback that nobody knows of: whoever comes has got out.

export type Canary = AsyncDisposable & { readonly port: number; readonly visits: () => number };

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncanary";

/** One port, on IPv4's loopback and, where there is one, on IPv6's. */
export async function openCanary(): Promise<Canary> {
  let visits = 0;
  const socket = {
    open: () => void (visits += 1),
    data: (one: { end: (text: string) => unknown }) => void one.end(ANSWER),
  };
  const first = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
  const listeners = [first];
  try {
    listeners.push(Bun.listen({ hostname: "::1", port: first.port, socket }));
  } catch {
    // Without IPv6 nobody can come that way.
  }
  return {
    port: first.port,
    visits: () => visits,
    [Symbol.asyncDispose]: async () => {
      // Whoever is on the way arrives first.
      await Bun.sleep(50);
      for (const one of listeners) one.stop(true);
    },
  };
}
