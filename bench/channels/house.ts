// The real core, and a real worker with our own handler, in a folder of their own with one channel.
import { join } from "node:path";
import { z } from "zod";
import { setStanding } from "../../src/shared/contacts.ts";
import { openBoard, type Board } from "../../src/shared/db.ts";
import { integer } from "../../src/shared/rows.ts";
import { boardFile } from "../board/workshop.ts";
import { Slot } from "../chaos/slot.ts";
import type { Platform } from "./platform.ts";

const ROOT = join(import.meta.dir, "../..");
const CONCURRENCY = 12;
/** A job of a worker that nobody saw die is free again after this. */
const LEASE_S = 1;
const WITHIN_MS = 30_000;
const LOOK_MS = 20;

const LogLine = z.looseObject({ level: z.string(), event: z.string() });
const States = z.object({ channels: z.array(z.object({ name: z.string(), state: z.string() })) });
const Link = z.object({ url: z.url() });

export class House implements AsyncDisposable {
  readonly core: Slot;
  readonly worker: Slot;
  /** How often each warning and error was logged, by the name of its event. */
  readonly complaints = new Map<string, number>();
  readonly #home: string;
  #board: Board | null = null;

  /** Without a platform, a core that has no channel. */
  constructor(home: string, platform: Pick<Platform, "settings"> | null) {
    this.#home = home;
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      SANDPIPER_HOME: home,
      SANDPIPER_SUPERVISED: "1",
      SANDPIPER_SANDBOX: "local",
      SANDPIPER_LEASE_SECONDS: String(LEASE_S),
      SANDPIPER_CONCURRENCY: String(CONCURRENCY),
    };
    const bun = (file: string) => [process.execPath, "--no-env-file", "--no-orphans", "--smol", join(ROOT, file)];
    const onLine = (line: string) => this.#hear(line);
    const settings = platform?.settings ?? {};
    this.core = new Slot({
      name: "core",
      // Started again it is to be found where it was.
      command: () => ({
        argv: bun("src/core/server.ts"),
        env: { ...env, ...settings, SANDPIPER_PORT: String(this.core.port) },
      }),
      cwd: ROOT,
      onLine,
    });
    this.worker = new Slot({
      name: "worker",
      command: () => ({ argv: bun("bench/channels/worker.ts"), env }),
      cwd: ROOT,
      onLine,
    });
  }

  get board(): Board {
    this.#board ??= openBoard(boardFile(this.#home));
    return this.#board;
  }

  count(sql: string, ...values: string[]): number {
    return this.board.read((tx) => integer.parse(tx.get(`SELECT count(*) AS count FROM ${sql}`, ...values)?.["count"]));
  }

  /** Everybody on the platform may write from now on: the first as its owner, by a link, the others as guests. */
  async letIn(platform: Platform): Promise<void> {
    await this.isUp(platform.name);
    const [owner, ...guests] = platform.phones;
    platform.open(await this.#link(platform.name));
    await platform.until(() => (owner?.seen().length ?? 0) > 0, WITHIN_MS);
    const { name: channel, account } = platform;
    await this.board.write((tx) => {
      for (const { id: person } of guests)
        setStanding(tx, { channel, account, person, standing: "allowed" }, Date.now());
    });
  }

  async isUp(channel: string): Promise<void> {
    await eventually(async () => {
      const { channels } = States.parse(await this.#ask("/api/channels"));
      return channels.some(({ name, state }) => name === channel && state === "up");
    }, WITHIN_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#board?.close();
    await Promise.all([this.worker.kill(), this.core.kill()]);
  }

  async #link(channel: string): Promise<string> {
    return Link.parse(await this.#ask(`/api/channels/${channel}/link`, { method: "POST", body: "{}" })).url;
  }

  async #ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const token = (await Bun.file(join(this.#home, "data/token")).text()).trim();
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${this.core.port}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`core answered ${response.status} to ${path}.`);
    return response.json();
  }

  #hear(line: string): void {
    const { level, event } = LogLine.parse(JSON.parse(line));
    if (level === "warn" || level === "error") this.complaints.set(event, (this.complaints.get(event) ?? 0) + 1);
  }
}

/** Throws when `condition` does not hold within `withinMs`. */
export async function eventually(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Not within ${withinMs} ms: ${condition.toString()}`);
    await Bun.sleep(LOOK_MS);
  }
}
