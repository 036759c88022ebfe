// A job that lasts long enough to be interrupted, and what it must have come to in the end.
import { expect } from "bun:test";
import { descendantsOf, type Process } from "./processes.ts";
import { PATIENCE_MS, type Sandpiper } from "./sandpiper.ts";
import { until } from "./until.ts";

/** Begins, stays, leaves a file, ends. */
const slowCode = (seconds: number): string => `
import time
print("begun", flush=True)
time.sleep(${seconds})
open("left.txt", "w").write("x")
print("done")
`;

/** Resolves with the job's id once its code runs. */
export async function begin(one: Sandpiper, seconds = 1.5): Promise<string> {
  const id = await one.send({ code: slowCode(seconds) });
  await one.follow(id, (event) => event.kind === "output-delta");
  return id;
}

/** Settled once, with the output of one run. */
export async function expectDoneOnce(one: Sandpiper, id: string): Promise<void> {
  const events = await one.follow(id);
  const job = await one.job(id);
  expect({ status: job.status, stdout: job.output?.stdout, error: job.output?.error }).toEqual({
    status: "completed",
    stdout: "begun\ndone\n",
    error: undefined,
  });
  expect(job.artifacts.map((artifact) => artifact.name)).toEqual(["left.txt"]);
  expect(events.filter(({ kind }) => kind === "job-completed" || kind === "job-failed")).toHaveLength(1);
  const seqs = events.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
}

export async function expectWorks(one: Sandpiper): Promise<void> {
  const id = await one.send({ code: "print(6 * 7)" });
  await one.follow(id);
  expect((await one.job(id)).output).toMatchObject({ stdout: "42\n" });
}

/** Kills a program of Sandpiper and waits until another has taken its place. */
export async function killAndAwaitSuccessor(one: Sandpiper, file: string): Promise<void> {
  const old = one.child(file);
  process.kill(old.pid, "SIGKILL");
  const found = (): Process | undefined => descendantsOf(one.pid).find((next) => next.command.includes(`src/${file}`));
  await until(() => (found()?.pid ?? old.pid) !== old.pid, PATIENCE_MS);
}
