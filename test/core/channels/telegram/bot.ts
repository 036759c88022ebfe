// The channel as core opens it, before a Telegram of this machine, with a clock that stands still until it is moved.
import { join } from "node:path";
import { FakeTelegram, type FakeTelegramOptions } from "../../../../fakes/telegram/server.ts";
import type { Arrival, Door, Health, Order } from "../../../../src/core/channels/channel.ts";
import { DeliveryError } from "../../../../src/core/channels/channel.ts";
import type { Operation } from "../../../../src/core/channels/operation.ts";
import type { Timing } from "../../../../src/core/channels/telegram/client.ts";
import { openTelegram, type TelegramSettings } from "../../../../src/core/channels/telegram/telegram.ts";
import { createLog } from "../../../../src/shared/log.ts";
import { CHAT, withAda } from "../../../fakes/telegram_client.ts";
import { temporaryFolder } from "../../../shared/temporary.ts";

export { CHAT };

/** Pauses end when the clock is moved, or with their signal. */
export class HeldClock {
  /** Every pause that was begun, in ms. */
  readonly pauses: number[] = [];
  readonly timing: Timing = { pause: (ms, signal) => this.#pause(ms, signal), random: () => 1 };
  readonly #waiting = new Set<{ readonly ms: number; readonly atMs: number; readonly end: () => void }>();
  readonly #watchers = new Map<number, () => void>();
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  move(ms: number): void {
    this.#nowMs += ms;
    for (const { atMs, end } of this.#waiting) if (atMs <= this.#nowMs) end();
  }

  /** Resolves once somebody waits for so long. */
  async until(ms: number): Promise<void> {
    if ([...this.#waiting].some((one) => one.ms === ms)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.set(ms, resolve);
    await promise;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) return Promise.resolve();
    const waiting = {
      ms,
      atMs: this.#nowMs + ms,
      end: () => {
        this.#waiting.delete(waiting);
        resolve();
      },
    };
    signal.addEventListener("abort", waiting.end, { once: true });
    this.pauses.push(ms);
    this.#waiting.add(waiting);
    this.#watchers.get(ms)?.();
    return promise;
  }
}

/** What the door was given. `trouble` is thrown instead, as long as it is there. */
export class Hall {
  readonly arrivals: Arrival[] = [];
  readonly healths: Health[] = [];
  trouble: Error | null = null;
  /** What `admit` waits for. */
  bolt: Promise<void> = Promise.resolve();
  readonly #watchers = new Set<() => void>();

  readonly door: Door = {
    admit: async (arrivals) => {
      await this.bolt;
      if (this.trouble !== null) throw this.trouble;
      this.arrivals.push(...arrivals);
      this.#changed();
    },
    tell: (health) => {
      this.healths.push(health);
      this.#changed();
    },
  };

  get states(): string[] {
    return this.healths.map(({ state }) => state);
  }

  get texts(): string[] {
    return this.arrivals.flatMap(({ event }) => (event.kind === "message" ? [event.text] : []));
  }

  async until(isSo: (hall: Hall) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (isSo(this)) resolve();
    };
    this.#watchers.add(look);
    look();
    await promise;
    this.#watchers.delete(look);
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}

export async function openBot(
  options: FakeTelegramOptions = {},
  settings: (telegram: FakeTelegram) => Partial<TelegramSettings> = () => ({}),
) {
  const world = withAda(options);
  const { telegram } = world;
  const folder = temporaryFolder();
  const clock = new HeldClock();
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const log = createLog("core", "debug", (line) => {
    lines.push(line);
    for (const look of watchers) look();
  });
  const open = () =>
    openTelegram(
      { token: telegram.token, apiUrl: telegram.url, webhook: null, ...settings(telegram) },
      log,
      clock.timing,
    );
  const channel = await open();
  const stop = new AbortController();
  return {
    ...world,
    channel,
    open,
    clock,
    lines,
    /** Resolves once the log has such a line. */
    logged: async (event: string) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (lines.some((line) => line.includes(event))) resolve();
      };
      watchers.add(look);
      look();
      await promise;
      watchers.delete(look);
    },
    stop,
    hall: new Hall(),
    /** Writes a file; artifacts are called by its name. */
    keep: (name: string, bytes: Uint8Array | string) => Bun.write(join(folder.path, name), bytes),
    order: (operation: Operation, more: Partial<Order> = {}): Order => ({
      id: "d",
      chat: String(CHAT),
      operation,
      placed: null,
      isUnresolved: false,
      fileOf: (name) => ({ path: join(folder.path, name), name, mediaType: "", bytes: 0 }),
      onPlaced: () => Promise.resolve(),
      ...more,
    }),
    /** What the bot's side of the chat looks like. */
    seen: () =>
      telegram.view(CHAT).messages.flatMap((message) => {
        if (!message.isFromBot) return [];
        return [[message.text, message.file?.kind].filter((part) => part !== "" && part !== undefined).join(" + ")];
      }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await telegram[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

export type Bot = Awaited<ReturnType<typeof openBot>>;

/** As the outbox does it: again until it is said. Resolves to how it failed before. */
export async function sayUntilSaid(bot: Bot, operation: Operation, between: () => Promise<void>): Promise<Error[]> {
  const failures: DeliveryError[] = [];
  let placed: string | null = null;
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const isUnresolved = failures.at(-1)?.failure === "ambiguous";
    const onPlaced = async (id: string) => void (placed = id);
    try {
      await bot.channel.deliver(bot.order(operation, { placed, isUnresolved, onPlaced }), bot.stop.signal);
      return failures;
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.failure === "permanent") throw error;
      failures.push(error);
      await between();
    }
  }
  throw new Error(`It was not said: ${failures.map(String).join("; ")}`);
}

/** All that an error could tell, causes included. */
export const told = (thrown: unknown): string => Bun.inspect(thrown, { depth: 12 });
