// Following a job over the WebSocket, through restarts of core.
import { z } from "zod";

const Event = z.looseObject({ kind: z.string(), seq: z.number(), jobId: z.string() });
/** An event with whatever fields its kind has. */
export type Event = z.infer<typeof Event>;
const Frame = z.object({ type: z.literal("event"), event: Event });

type Address = { readonly url: string; readonly token: string };

const RECONNECT_MS = 50;

export const isEnd = (event: Event): boolean => event.kind === "job-completed" || event.kind === "job-failed";

/** All events of the job from its first to the first that `isLast` accepts. Throws after `withinMs`. */
export async function follow(
  address: Address,
  jobId: string,
  withinMs: number,
  isLast: (event: Event) => boolean = isEnd,
): Promise<Event[]> {
  const deadline = AbortSignal.timeout(withinMs);
  const events: Event[] = [];
  let after = 0;
  while (!deadline.aborted) {
    const last = await listen(address, after, deadline, (event) => {
      after = event.seq;
      if (event.jobId === jobId) events.push(event);
      return event.jobId === jobId && isLast(event);
    });
    if (last) return events;
    await Bun.sleep(RECONNECT_MS);
  }
  throw new Error(`Job ${jobId} did not get there within ${withinMs} ms; it came to: ${JSON.stringify(events.at(-1))}`);
}

/** True when `onEvent` said that this was the last; false when the connection broke. */
function listen(
  { url, token }: Address,
  after: number,
  deadline: AbortSignal,
  onEvent: (event: Event) => boolean,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/live`);
  const lose = (): void => resolve(false);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "auth", key: token, after })));
  socket.addEventListener("close", lose);
  socket.addEventListener("error", lose);
  deadline.addEventListener("abort", lose, { once: true });
  socket.addEventListener("message", (message) => {
    const frame = Frame.safeParse(JSON.parse(String(message.data)));
    if (frame.success && onEvent(frame.data.event)) resolve(true);
  });
  return promise.finally(() => {
    deadline.removeEventListener("abort", lose);
    socket.close();
  });
}
