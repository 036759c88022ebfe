// The open conversation: its turns, opened from a snapshot and kept true by live events.
import { batch, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { JobEvent } from "../shared/types.ts";
import { ApiError, type Api, type Outgoing, type Sent } from "./api.ts";
import { openSnapshot, type Opened } from "./snapshot.ts";
import {
  applyEvent,
  isActive,
  isBehind,
  turnAtWork,
  turnBeingSent,
  turnFromCreated,
  withRun,
  type Turn,
} from "./transcript.ts";

/** `key` stays the same while a turn goes from sent to answered, so that its place in the page does too. */
export type Entry = { readonly key: string; readonly turn: Signal<Turn>; readonly outgoing: Outgoing | null };

export type ThreadState = "new" | "loading" | "ready" | "missing" | "failed";

export type ThreadListener = {
  readonly onEnded: (turn: Turn) => void;
  /**
   * Core has taken the first message of a new conversation, which was begun in none or, by a command, in another one; in one
   * batch with the change of `conversationId`.
   */
  readonly onNamed: (from: string | null, conversationId: string) => void;
};

/** Where the messages of one conversation go, also when another one is open by then. */
type Place = {
  /** Null until core has taken a message. */
  id: string | null;
  /** They are sent one by one: core gets them in order, and the first that it takes makes the conversation. */
  line: Promise<unknown>;
  /** The one that core may know of although its answer has not come. */
  underway: Entry | null;
};

export class Thread {
  readonly #api: Api;
  readonly #listener: ThreadListener;
  readonly #conversationId = signal<string | null>(null);
  readonly #openCount = signal(0);
  readonly #state = signal<ThreadState>("new");
  readonly #problem = signal("");
  readonly #entries = signal<readonly Entry[]>([]);
  /** Events up to here are part of the snapshot. */
  #seq = 0;
  #nextKey = 1;
  #place = placeOf(null);
  #loading: AbortController | null = null;
  /** Events that came while the snapshot was on its way. */
  #early: JobEvent[] = [];

  constructor(api: Api, listener: ThreadListener) {
    this.#api = api;
    this.#listener = listener;
  }

  get conversationId(): ReadonlySignal<string | null> {
    return this.#conversationId;
  }

  /** Rises with each conversation that is opened, not when a new one gets its name. */
  get openCount(): ReadonlySignal<number> {
    return this.#openCount;
  }

  get state(): ReadonlySignal<ThreadState> {
    return this.#state;
  }

  /** Why the conversation could not be opened. */
  get problem(): ReadonlySignal<string> {
    return this.#problem;
  }

  get entries(): ReadonlySignal<readonly Entry[]> {
    return this.#entries;
  }

  /** The entry that Stop means. */
  atWork(): Entry | null {
    const all = this.#entries.value.map((entry) => ({ entry, turn: entry.turn.value }));
    return turnAtWork(all)?.entry ?? null;
  }

  /** Whether another job of this conversation comes before this turn's. */
  isBehind(turn: Turn): boolean {
    return isBehind(
      turn,
      this.#entries.value.map((entry) => entry.turn.value),
    );
  }

  async open(id: string | null): Promise<void> {
    if (id === this.#conversationId.peek()) {
      if (this.#state.peek() === "failed") await this.reload();
      return;
    }
    this.#loading?.abort();
    this.#loading = null;
    this.#place = placeOf(id);
    batch(() => {
      this.#openCount.value += 1;
      this.#conversationId.value = id;
      this.#entries.value = [];
      this.#state.value = id === null ? "new" : "loading";
    });
    if (id !== null) await this.#load(id);
  }

  async reload(): Promise<void> {
    const id = this.#conversationId.peek();
    if (id !== null) await this.#load(id);
  }

  receive(event: JobEvent): void {
    if (event.conversationId === null || event.conversationId !== this.#conversationId.peek()) return;
    if (this.#loading !== null) this.#early.push(event);
    else if (event.seq > this.#seq) this.#apply(event);
  }

  /** Resolves to null when core did not take the message; the turn then says so and keeps what was written. */
  send(outgoing: Outgoing, files: Turn["files"]): Promise<Sent | null> {
    const entry = this.#newEntry(turnBeingSent(outgoing.text, files, Date.now()), outgoing);
    this.#entries.value = [...this.#entries.peek(), entry];
    return this.#enqueue(entry, outgoing);
  }

  async resend(entry: Entry): Promise<Sent | null> {
    if (entry.outgoing === null) return null;
    entry.turn.value = { ...entry.turn.peek(), status: "sending", error: null };
    return this.#enqueue(entry, entry.outgoing);
  }

  #enqueue(entry: Entry, outgoing: Outgoing): Promise<Sent | null> {
    const place = this.#place;
    const sending = place.line.then(() => this.#deliver(place, entry, outgoing));
    place.line = sending;
    return sending;
  }

  /** Never rejects: the line goes on after one that was refused. */
  async #deliver(place: Place, entry: Entry, outgoing: Outgoing): Promise<Sent | null> {
    place.underway = entry;
    try {
      const sent = await this.#api.send(outgoing, place.id);
      if (entry.turn.peek().jobId === null) {
        entry.turn.value = { ...entry.turn.peek(), jobId: sent.job_id, status: "pending" };
      }
      if (place.id !== sent.conversation_id) await this.#name(place, entry, sent.conversation_id);
      return sent;
    } catch (error) {
      // Its event may have told that core has it although the answer was lost.
      if (entry.turn.peek().jobId !== null) return null;
      entry.turn.value = { ...entry.turn.peek(), status: "unsent", error: { code: "unsent", message: wordsOf(error) } };
      return null;
    }
  }

  /** What waits in the line goes there, too; what was said before this entry stays where it is. */
  async #name(place: Place, first: Entry, id: string): Promise<void> {
    const from = place.id;
    place.id = id;
    if (place !== this.#place) return;
    batch(() => {
      const all = this.#entries.peek();
      if (from !== null) this.#entries.value = all.slice(Math.max(0, all.indexOf(first)));
      this.#conversationId.value = id;
      this.#listener.onNamed(from, id);
    });
    // Events may have passed before the name was known here.
    await this.#load(id);
  }

  async #load(id: string): Promise<void> {
    this.#loading?.abort();
    const mine = new AbortController();
    this.#loading = mine;
    this.#early = [];
    try {
      const opened = await openSnapshot(this.#api, id, mine.signal);
      if (this.#loading === mine) this.#show(opened);
    } catch (error) {
      if (this.#loading !== mine) return;
      this.#loading = null;
      this.#problem.value = wordsOf(error);
      this.#state.value = error instanceof ApiError && error.status === 404 ? "missing" : "failed";
    }
  }

  #show(opened: Opened): void {
    const early = this.#early;
    batch(() => {
      this.#seq = opened.seq;
      const notYetSent = this.#entries
        .peek()
        .filter((entry) => entry.turn.peek().jobId === null && entry.outgoing !== null);
      this.#entries.value = [...opened.turns.map((turn) => this.#keep(turn)), ...notYetSent];
      this.#state.value = "ready";
      this.#loading = null;
      this.#early = [];
      for (const event of early) this.receive(event);
    });
    for (const entry of this.#entries.peek()) if (entry.turn.peek().retry !== null) void this.#learn(entry);
  }

  /** A failure leaves out what is only nice to know. */
  async #learn(entry: Entry): Promise<void> {
    const { jobId } = entry.turn.peek();
    const run = jobId === null ? null : await this.#api.run(jobId).catch(() => null);
    if (run !== null) entry.turn.value = withRun(entry.turn.peek(), run);
  }

  #keep(turn: Turn): Entry {
    const known = turn.jobId === null ? undefined : this.#entryOf(turn.jobId);
    if (known === undefined) return this.#newEntry(turn, null);
    known.turn.value = turn;
    return known;
  }

  #apply(event: JobEvent): void {
    const entry = this.#entryOf(event.jobId) ?? this.#adopt(event);
    if (entry === undefined) {
      if (event.kind !== "job-created") return;
      const made = this.#newEntry(turnFromCreated(event), null);
      this.#entries.value = [...this.#entries.peek(), made];
      void this.#learn(made);
      return;
    }
    if (event.kind === "job-deleted") return this.#remove(entry);
    const before = entry.turn.peek();
    const after = applyEvent(before, event);
    entry.turn.value = after;
    if (isActive(before) && !isActive(after)) this.#listener.onEnded(after);
    if (event.kind === "job-retrying") void this.#learn(entry);
  }

  #remove(entry: Entry): void {
    this.#entries.value = this.#entries.peek().filter((known) => known !== entry);
    // With the last one the conversation itself may be gone.
    if (this.#entries.peek().length === 0) void this.reload();
  }

  #entryOf(jobId: string): Entry | undefined {
    return this.#entries.peek().find((entry) => entry.turn.peek().jobId === jobId);
  }

  /** The event of our own message may come before the answer to our request, or instead of it. */
  #adopt(event: JobEvent): Entry | undefined {
    if (event.kind !== "job-created") return undefined;
    const { underway } = this.#place;
    const unsent = this.#entries.peek().filter((entry) => entry.turn.peek().status === "unsent");
    // Not one that waits in the line: core cannot know of it.
    return [...(underway === null ? [] : [underway]), ...unsent].find((entry) => {
      const turn = entry.turn.peek();
      return turn.jobId === null && turn.prompt === event.prompt;
    });
  }

  #newEntry(turn: Turn, outgoing: Outgoing | null): Entry {
    this.#nextKey += 1;
    return { key: `turn-${this.#nextKey}`, turn: signal(turn), outgoing };
  }
}

function placeOf(id: string | null): Place {
  return { id, line: Promise.resolve(), underway: null };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
