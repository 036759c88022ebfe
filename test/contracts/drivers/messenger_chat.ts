// What the chats of the messenger's channels have in common: how far they are is on the board.
import { addReply } from "../../../src/shared/deliveries.ts";
import { chatOf } from "../../../src/shared/chats.ts";
import { insertJob, PERSON_PRIORITY } from "../../../src/shared/jobs.ts";
import type { House } from "../house.ts";
import type { Can, Job } from "./driver.ts";
import { jobsWhere } from "./jobs.ts";

/** `events`: how many the person has caused, that are to arrive. */
export type Traces = {
  readonly channel: string;
  readonly account: string;
  readonly person: string;
  readonly events: () => number;
};

export const MESSENGER_CAN: Can = {
  asksAboutFiles: "message",
  buttons: 0,
  answersInOrder: true,
  deliversTwice: true,
  words: null,
  sendsFilesTogether: true,
};

export function tracesOf(house: House, { events, ...who }: Traces) {
  const { board, count } = house;
  const chat = () => board.read((tx) => chatOf(tx, { ...who, standing: "allowed" }));
  const chatId = () => chat()?.id ?? "";
  return {
    jobs: (): readonly Job[] =>
      jobsWhere(house, "job_run.job_id IN (SELECT job_id FROM replies WHERE chat_id = ?)", chatId()),
    isIdle: (): boolean =>
      count("arrivals WHERE chat_id = ?", chatId()) >= events() &&
      count("arrivals WHERE chat_id = ? AND state = 'waiting'", chatId()) === 0 &&
      count("replies JOIN job_run USING (job_id) WHERE chat_id = ? AND finished_at IS NULL", chatId()) === 0 &&
      count("deliveries WHERE chat_id = ? AND ended_at IS NULL", chatId()) === 0,
    /** As /again makes one. */
    run: (code: string): Promise<void> =>
      board.write((tx) => {
        const id = Bun.randomUUIDv7();
        const conversationId = chat()?.conversationId ?? null;
        addReply(tx, id, chatId(), null);
        const job = { id, type: "code_exec" as const, input: { code }, conversationId, files: [] };
        insertJob(tx, { ...job, priority: PERSON_PRIORITY }, Date.now());
      }),
  };
}
