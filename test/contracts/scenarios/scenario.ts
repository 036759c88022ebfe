// What a scenario is, and the sentences that several of them need.
import { expect } from "bun:test";
import { until } from "../../e2e/until.ts";
import { WITHIN_MS, type Chat, type Driver, type Seen, type SentFile } from "../drivers/driver.ts";

export type Scenario = { readonly name: string; readonly play: (driver: Driver) => Promise<void> };

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Only says that something is being done, or is yet to be filled. */
const UNFINISHED = /^(⏳|…$)/u;

export const REGIONS =
  "region,price\nNorth,12\nSouth,30\nNorth,18\nEast,22\nSouth,10\nEast,28\nNorth,15\nWest,40\nWest,20\n";

export const file = (name: string, content: string): SentFile => ({ name, bytes: new TextEncoder().encode(content) });

/** Waits until everything is done and said, and returns all of it. Nothing that is unfinished may be left. */
export async function allSaid(chat: Chat, withinMs = WITHIN_MS): Promise<readonly Seen[]> {
  await until(
    () => chat.isIdle(),
    withinMs,
    () => JSON.stringify(chat.jobs()),
  );
  const seen = await chat.seen();
  expect(seen.map(({ words }) => words).filter((words) => UNFINISHED.test(words))).toEqual([]);
  return seen;
}

/** What came in answer to this; all else is done and said before. */
export async function answersTo(chat: Chat, text: string, files: readonly SentFile[] = []): Promise<readonly Seen[]> {
  const before = (await allSaid(chat)).length;
  await chat.send(text, files);
  return (await allSaid(chat)).slice(before);
}

/** The one answer; fails when there are several or none. */
export function only(answers: readonly Seen[]): Seen {
  const [answer] = answers;
  if (answer === undefined || answers.length > 1) throw new Error(`Not one answer: ${describe(answers)}`);
  return answer;
}

export function pictures(answers: readonly Seen[]): readonly Seen["files"][number][] {
  return answers.flatMap(({ files }) => files).filter(({ bytes }) => PNG.every((byte, at) => bytes[at] === byte));
}

const describe = (answers: readonly Seen[]): string =>
  JSON.stringify(
    answers.map(({ words, files, buttons }) => ({ words, files: files.map(({ name }) => name), buttons })),
  );
