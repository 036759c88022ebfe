// Everything that speaks to people on other platforms, put together: channels, door, attendant, progress, outbox.
import { randomBytes } from "node:crypto";
import type { Server } from "bun";
import { addInvitation } from "../shared/contacts.ts";
import type { Config } from "../shared/config.ts";
import type { Board } from "../shared/db.ts";
import { AppError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { pause } from "../shared/stop.ts";
import { createAttendant, type Attendant } from "./attendant.ts";
import type { Channel, Door, Health } from "./channels/channel.ts";
import type { OpenChannel } from "./channels/index.ts";
import { createDoor } from "./door.ts";
import type { Inbox } from "./inbox.ts";
import { pollForStrangers } from "./live.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { overviewOf } from "./overview.ts";
import { createProgress, type Progress } from "./progress.ts";
import { serveWebhooks, type Webhook } from "./webhooks.ts";

export type ChannelState = { readonly name: string; readonly account: string } & Health;

export type Messenger = {
  /** Something is new in the table; cheap when nothing is. */
  readonly pump: () => void;
  readonly states: () => readonly ChannelState[];
  /** A link that makes whoever opens it first the owner, once, within an hour. Throws AppError `not_found`. */
  readonly invite: (name: string) => Promise<string>;
  readonly close: () => Promise<void>;
};

export type MessengerDesk = {
  readonly config: Config;
  readonly board: Board;
  readonly inbox: Inbox;
  readonly log: Log;
  readonly now: () => number;
  /** Ms that only ever grow. */
  readonly monotonic: () => number;
  readonly port: () => number;
  /** Wakes the worker and whoever follows the events. */
  readonly tellAll: () => void;
};

const INVITATION_MS = 3_600_000;
/** A channel that cannot be opened (no network at the start, a wrong token) is tried again. */
const REOPEN_MS = 30_000;

/** Opens every channel that is set up, and keeps it open. */
export function createMessenger(desk: MessengerDesk, openers: { readonly [name: string]: OpenChannel }): Messenger {
  const switchboard = new Switchboard(desk);
  for (const [name, opener] of Object.entries(openers)) {
    const open = opener(desk.config, desk.log);
    if (open !== null) switchboard.add(name, open);
  }
  return {
    pump: () => switchboard.pump(),
    states: () => switchboard.states(),
    invite: (name) => switchboard.invite(name),
    close: () => switchboard.close(),
  };
}

class Switchboard {
  readonly #desk: MessengerDesk;
  readonly #stop = new AbortController();
  /** By `name:account`. */
  readonly #channels = new Map<string, Channel>();
  /** By name. */
  readonly #doors = new Map<string, Door>();
  readonly #states = new Map<string, ChannelState>();
  readonly #open: Promise<void>[] = [];
  readonly #progress: Progress;
  readonly #outbox: Outbox;
  readonly #attendant: Attendant;
  readonly #webhooks: Server<undefined> | null;
  readonly #stopPolling: () => void;

  constructor(desk: MessengerDesk) {
    const { board, config, inbox, log, now, monotonic, port } = desk;
    const channels = this.#channels;
    const linkTo = (id: string | null) => `http://localhost:${port()}/${id === null ? "" : `c/${id}`}`;
    const settings = () => overviewOf(config, this.states(), linkTo(null));
    const onSaid = () => this.#hear();
    this.#desk = desk;
    this.#progress = createProgress({ board, channels, log });
    this.#outbox = createOutbox({
      board,
      channels,
      now,
      monotonic,
      log,
      home: config.home,
      linkTo,
      endProgress: this.#progress.end,
    });
    this.#attendant = createAttendant({ board, channels, inbox, log, now, settings, linkTo, onSaid });
    const isCalled = config.whatsapp.token !== "" || config.telegram.webhook !== "";
    this.#webhooks = isCalled ? serveWebhooks(config, log, (path) => this.#webhookAt(path)) : null;
    // A job may be ended by a program that tells nobody.
    this.#stopPolling = pollForStrangers(board, () => this.pump());
  }

  pump(): void {
    if (this.#channels.size === 0) return;
    this.#progress.pump();
    this.#attendant.pump();
    this.#outbox.pump();
  }

  states(): readonly ChannelState[] {
    return [...this.#states.values()];
  }

  add(name: string, open: () => Promise<Channel>): void {
    this.#states.set(name, { name, account: "", state: "starting", detail: "" });
    this.#open.push(this.#keepOpen(name, open));
  }

  async invite(name: string): Promise<string> {
    const { board, now } = this.#desk;
    const channel = [...this.#channels.values()].find((one) => one.name === name);
    if (channel === undefined) throw new AppError("not_found", `${name} is not set up, or not reached yet.`);
    const code = randomBytes(24).toString("base64url");
    await addInvitation(board, { channel: name, account: channel.account }, code, now() + INVITATION_MS, now());
    return channel.linkFor(code) ?? `Write this to the bot: /start ${code}`;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopPolling();
    await this.#webhooks?.stop(true);
    await Promise.all([...this.#open, this.#attendant.close(), this.#outbox.close(), this.#progress.close()]);
  }

  /** Never rejects. */
  async #keepOpen(name: string, open: () => Promise<Channel>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const channel = await open();
        await channel.listen(this.#welcome(name, channel), signal);
        if (!signal.aborted) return;
      } catch (error) {
        const detail = error instanceof AppError ? error.message : "It could not be reached.";
        const state = error instanceof AppError && error.code === "config" ? "refused" : "down";
        this.#states.set(name, { name, account: "", state, detail });
        this.#desk.log.warn("channel-not-open", { channel: name, error });
        await pause(REOPEN_MS, signal);
      }
    }
  }

  #welcome(name: string, channel: Channel): Door {
    const { board, now, log } = this.#desk;
    const key = `${channel.name}:${channel.account}`;
    const onHealth = (health: Health): void => {
      this.#states.set(name, { name, account: channel.account, ...health });
      log.info("channel-health", { channel: name, ...health });
    };
    const onAdmitted = (chatIds: ReadonlySet<string>): void => {
      this.#hear();
      this.#outbox.wake(chatIds);
    };
    const door = createDoor({ board, channels: this.#channels, now, onAdmitted, onHealth }, channel);
    this.#channels.set(key, channel);
    this.#doors.set(name, door);
    this.#outbox.welcome(key);
    this.#progress.welcome(key);
    this.#attendant.welcome(key);
    this.pump();
    return door;
  }

  #hear(): void {
    this.#desk.tellAll();
    this.pump();
  }

  #webhookAt(path: string): Webhook | null {
    const channel = [...this.#channels.values()].find((one) => one.webhook?.path === path);
    const door = channel === undefined ? undefined : this.#doors.get(channel.name);
    return channel?.webhook === undefined || door === undefined ? null : { ...channel.webhook, door };
  }
}
