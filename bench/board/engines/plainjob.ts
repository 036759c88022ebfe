// plainjob with its defaults, but synchronous=FULL: it asks for NORMAL when it opens, so that comes after.
import { Database } from "bun:sqlite";
import { bun, defineQueue, type Queue as PlainQueue } from "plainjob";
import { INPUT, JOB_TYPE, type Queue } from "./engine.ts";

const ignore = () => undefined;
/** It tells every step at debug level, and its default is the console. */
export const QUIET = { error: console.error, warn: ignore, info: ignore, debug: ignore };

export function openQueue(home: string): PlainQueue {
  const database = new Database(`${home}/plainjob.db`, { create: true, strict: true });
  const queue = defineQueue({ connection: bun(database), logger: QUIET });
  database.run("PRAGMA synchronous = FULL");
  return queue;
}

export function openPlainjob(home: string): Queue {
  const queue = openQueue(home);
  return {
    add: () => queue.add(JOB_TYPE, INPUT),
    addMany: (count) =>
      queue.addMany(
        JOB_TYPE,
        Array.from({ length: count }, () => INPUT),
      ),
    close: () => queue.close(),
  };
}
