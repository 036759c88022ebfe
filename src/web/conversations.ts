// The list of conversations, and which of them have a job at work.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Conversation, JobEvent } from "../shared/types.ts";
import type { Api } from "./api.ts";

export type Conversations = {
  /** Newest first; null until the first answer of core. */
  readonly list: ReadonlySignal<readonly Conversation[] | null>;
  readonly busy: ReadonlySignal<ReadonlySet<string>>;
  readonly refresh: () => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  readonly receive: (event: JobEvent) => void;
};

const ENDS: ReadonlySet<JobEvent["kind"]> = new Set(["job-completed", "job-failed", "job-deleted"]);

export function createConversations(api: Api): Conversations {
  const list = signal<readonly Conversation[] | null>(null);
  const busy = signal<ReadonlySet<string>>(new Set());
  let running: Promise<void> | null = null;
  let isStale = false;

  const fetchList = async (): Promise<void> => {
    do {
      isStale = false;
      list.value = (await api.conversations()).conversations;
    } while (isStale);
  };
  /** One request at a time, however many events ask for it; the last one asked for is always made. */
  const refresh = (): Promise<void> => {
    isStale = true;
    running ??= fetchList().finally(() => {
      running = null;
    });
    return running;
  };
  /** Of each conversation those at work: what a command is answered with ends beside them. */
  const working = new Map<string, Set<string>>();
  const mark = (id: string, jobId: string, isAtWork: boolean): void => {
    const jobs = working.get(id) ?? new Set();
    if (isAtWork) jobs.add(jobId);
    else jobs.delete(jobId);
    if (jobs.size > 0) working.set(id, jobs);
    else working.delete(id);
    if (busy.peek().has(id) !== jobs.size > 0) busy.value = new Set(working.keys());
  };

  return {
    list,
    busy,
    refresh,
    remove: async (id) => {
      await api.remove(id);
      list.value = (list.peek() ?? []).filter((conversation) => conversation.id !== id);
    },
    receive: (event) => {
      if (event.conversationId === null) return;
      const isEnd = ENDS.has(event.kind);
      // A new one may have to wait, for hours even: its start tells.
      if (event.kind !== "job-created") mark(event.conversationId, event.jobId, !isEnd);
      // A failure to refresh is shown by the connection banner; the list stays as it was.
      if (isEnd || event.kind === "job-created") refresh().catch(() => undefined);
    },
  };
}
