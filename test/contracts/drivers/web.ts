// The web page: what it posts, and its own turns, kept true by the events of its live line.
import { z } from "zod";
import { CHOICES } from "../../../src/shared/choices.ts";
import type { JobEvent } from "../../../src/shared/types.ts";
import { applyEvent, isActive, turnAtWork, turnFromCreated, type Turn } from "../../../src/web/transcript.ts";
import { until } from "../../e2e/until.ts";
import type { House } from "../house.ts";
import { WITHIN_MS, type Chat, type Driver, type Seen, type SentFile } from "./driver.ts";
import { jobsWhere } from "./jobs.ts";

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
const isEvent = (value: unknown): value is { type: "event"; event: JobEvent } =>
  typeof value === "object" && value !== null && "type" in value && value.type === "event" && "event" in value;

export type WebDriver = Driver & Disposable;

export async function webDriver(house: House): Promise<WebDriver> {
  const turns = new Map<string, Turn>();
  const socket = new WebSocket(`${house.sandpiper.url.replace("http", "ws")}/api/live`);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ type: "auth", key: house.sandpiper.token, after: 0 }));
    opened.resolve();
  });
  socket.addEventListener("message", ({ data }) => {
    const frame: unknown = JSON.parse(String(data));
    if (isEvent(frame)) take(turns, frame.event);
  });
  await opened.promise;
  return {
    name: "the web page",
    can: {
      asksAboutFiles: "page",
      buttons: 0,
      answersInOrder: false,
      deliversTwice: true,
      words: null,
      sendsFilesTogether: true,
    },
    open: () => Promise.resolve(chatOf(house, turns)),
    [Symbol.dispose]: () => socket.close(),
  };
}

function take(turns: Map<string, Turn>, event: JobEvent): void {
  const turn = turns.get(event.jobId);
  if (turn !== undefined) turns.set(event.jobId, applyEvent(turn, event));
  else if (event.kind === "job-created") turns.set(event.jobId, turnFromCreated(event));
}

function chatOf(house: House, turns: ReadonlyMap<string, Turn>): Chat {
  const { sandpiper } = house;
  // The last one is open; /new begins another.
  const conversations: string[] = [];
  // What is attached waits in the composer for words, its own choices or the person's.
  const attached: SentFile[] = [];
  let last = { key: "", text: "", files: [] as readonly SentFile[] };
  const jobs = () => conversations.flatMap((id) => jobsWhere(house, "conversation_id = ?", id));
  const post = async (fields: Readonly<Record<string, string>>, files: readonly SentFile[], key: string) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    const open = conversations.at(-1);
    if (open !== undefined) form.set("conversation_id", open);
    for (const { name, bytes } of files) form.append("files", new File([bytes], name), name);
    const init = { method: "POST", body: form, headers: { "Idempotency-Key": key } };
    const answer = await house.alone(() => sandpiper.fetch("/api/messages", init));
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(`${answer.status}: ${JSON.stringify(body)}`);
    const { conversation_id: id } = Receipt.parse(body);
    if (!conversations.includes(id)) conversations.push(id);
  };
  const send: Chat["send"] = async (text, files = []) => {
    attached.push(...files);
    if (text === "") return;
    last = { key: Bun.randomUUIDv7(), text, files: attached.splice(0) };
    await post({ text }, last.files, last.key);
  };
  return {
    jobs,
    send,
    press: async (title) => {
      const choice = attached.length === 0 ? undefined : CHOICES.find((one) => one.title === title);
      if (choice === undefined) throw new Error(`The page has no button ${title}.`);
      if (choice.words !== null) await send(choice.words);
    },
    run: (code) => post({ code }, [], Bun.randomUUIDv7()),
    stop: async () => {
      const known = () => jobs().flatMap(({ id }) => turns.get(id) ?? []);
      const atWork = () => turnAtWork(known().map((turn) => ({ turn })))?.turn.jobId;
      await until(() => typeof atWork() === "string", WITHIN_MS);
      await sandpiper.fetch(`/api/jobs/${atWork()}/cancel`, { method: "POST" });
    },
    redeliver: () => post({ text: last.text }, last.files, last.key),
    isIdle: () => jobs().every(({ id }) => turns.has(id) && !isActive(turnOf(turns, id))),
    seen: () => Promise.all(jobs().map(({ id }) => see(house, turnOf(turns, id)))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function turnOf(turns: ReadonlyMap<string, Turn>, id: string): Turn {
  const turn = turns.get(id);
  if (turn === undefined) throw new Error(`The page was never told of ${id}.`);
  return turn;
}

/** As the page shows it: the text and what was printed, or the card of an error. */
async function see({ sandpiper }: House, turn: Turn): Promise<Seen> {
  const printed = turn.output.pieces.map((piece) => piece.text).join("");
  const problem = turn.error?.code === "cancelled" ? "Stopped at your request." : (turn.error?.message ?? "");
  const files = turn.artifacts.map(async ({ id, name }) => {
    const bytes = await (await sandpiper.fetch(`/api/artifacts/${id}`)).bytes();
    return { name, bytes };
  });
  return {
    words: [readMarkdown(turn.text), problem, printed].filter((part) => part !== "").join("\n"),
    files: await Promise.all(files),
    buttons: [],
  };
}

/** What is left to be read, by another reader of Markdown than the page's. */
function readMarkdown(markdown: string): string {
  const line = (words: string): string => `${words}\n`;
  const cell = (words: string): string => `${words} `;
  const marks = { heading: line, paragraph: line, listItem: line, tr: line, th: cell, td: cell };
  return Bun.markdown.render(markdown, marks, { tables: true }).trim();
}
