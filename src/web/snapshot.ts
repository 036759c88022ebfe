// A conversation as core keeps it, turned into turns. Finished jobs are taken as they are; only a running one needs
// its events, for what it has printed so far.
import type { JobView, Message } from "../shared/types.ts";
import type { Api } from "./api.ts";
import { turnFromEvents, turnFromMessage, turnFromView, type Turn } from "./transcript.ts";

/** Live events with a seq above `seq` continue the turns. */
export type Opened = { readonly seq: number; readonly turns: readonly Turn[] };

export async function openSnapshot(api: Api, conversationId: string, signal: AbortSignal): Promise<Opened> {
  const { messages, jobs, seq } = await api.snapshot(conversationId, signal);
  const views = new Map(jobs.map((view) => [view.id, view]));
  const answered = new Set(messages.map((message) => message.jobId));
  const turnOf = async (view: JobView, message: Message | undefined): Promise<Turn> => {
    if (view.status === "completed" || view.status === "failed") return turnFromView(view, message);
    const events = await api.jobEvents(view.id, signal);
    return turnFromEvents(
      view,
      message,
      events.filter((event) => event.seq <= seq),
    );
  };
  const turns = await Promise.all([
    ...messages.map((message) => {
      const view = message.jobId === null ? undefined : views.get(message.jobId);
      return view === undefined ? turnFromMessage(message) : turnOf(view, message);
    }),
    ...jobs.filter((view) => !answered.has(view.id)).map((view) => turnOf(view, undefined)),
  ]);
  return { seq, turns: turns.toSorted((a, b) => a.createdAt - b.createdAt) };
}
