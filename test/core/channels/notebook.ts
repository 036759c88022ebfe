// A channel that is a notebook: the whole of what a new channel has to bring. Tests write into it and read what was said.
import { AppError } from "../../../src/shared/errors.ts";
import {
  DeliveryError,
  type Arrival,
  type ArrivalEvent,
  type Button,
  type Capabilities,
  type Channel,
  type Door,
  type Order,
  type OutgoingFile,
} from "../../../src/core/channels/channel.ts";

export const PLAIN: Capabilities = {
  textLength: 1_000,
  captionLength: 200,
  markup: "plain",
  photoBytes: 1_000_000,
  fileBytes: 1_000_000,
  incomingFileBytes: 1_000,
  photoTypes: ["image/png"],
  albumSize: 4,
  buttons: { most: 4, titleLength: 20 },
  echoMs: 0,
  changeGapMs: 10,
  messagesPerJob: 5,
};

export type Line = {
  readonly chat: string;
  words: string;
  readonly file: string | null;
  /** Their actions; `titles` is what one reads on them. */
  buttons: readonly string[];
  readonly titles: readonly string[];
  readonly attached: readonly OutgoingFile[];
};

export class Notebook implements Channel {
  readonly name = "notebook";
  readonly account = "1";
  readonly can: Capabilities;
  readonly lines = new Map<string, Line>();
  readonly hints: string[] = [];
  readonly pressed: string[] = [];
  readonly files = new Map<string, string>();
  /** What the next orders meet; `after`: it had its effect. */
  readonly troubles: { readonly error: DeliveryError; readonly isAfter: boolean }[] = [];
  /** How long the next looks are told to wait. */
  readonly waits: number[] = [];
  readonly progress: Channel["progress"];
  #door: Door | null = null;
  #opened = Promise.withResolvers<Door>();
  #next = 1;

  /** `showing`: how progress is shown; false: it cannot be. */
  constructor(can: Partial<Capabilities> = {}, showing: Channel["progress"] | boolean = true) {
    this.can = { ...PLAIN, ...can };
    this.progress =
      showing === true
        ? {
            place: async (chat, text, buttons) =>
              this.#write({ chat, words: text, buttons: actionsOf(buttons), titles: titlesOf(buttons) }),
            change: async (_chat, id, text) => this.#rewrite(id, text),
          }
        : showing || null;
  }

  /** Somebody does something here; resolves when it was let in. */
  async happen(event: ArrivalEvent, more: Partial<Arrival> = {}): Promise<void> {
    const eventId = `e${this.#next++}`;
    const door = await this.#opened.promise;
    await door.admit([{ eventId, chat: "ann", person: ["ann"], isPrivate: true, event, ...more }]);
  }

  say(text: string, more: Partial<Extract<ArrivalEvent, { kind: "message" }>> = {}, arrival: Partial<Arrival> = {}) {
    const messageId = `m${this.#next++}`;
    return this.happen(
      { kind: "message", messageId, text, files: [], groupId: null, isForwarded: false, ...more },
      arrival,
    );
  }

  readonly listen: Channel["listen"] = async (door, signal) => {
    this.#door = door;
    this.#opened.resolve(door);
    door.tell({ state: "up", detail: "" });
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  };

  readonly waitMs = (): number => this.waits.shift() ?? 0;
  readonly deliver: Channel["deliver"] = async (order) => {
    const trouble = this.troubles.shift();
    if (trouble?.isAfter === false) throw trouble.error;
    const id = this.#take(order);
    if (trouble !== undefined) throw trouble.error;
    return id;
  };

  readonly hint: Channel["hint"] = async (chat, hint) => void this.hints.push(`${chat} ${hint}`);
  readonly acknowledge: Channel["acknowledge"] = async (pressId, words) =>
    void this.pressed.push(`${pressId} ${words}`);
  readonly linkFor = (code: string): string => `notebook:${code}`;

  readonly fetch: Channel["fetch"] = async ({ ref }) => {
    const text = this.files.get(ref);
    if (text === undefined) throw new AppError("unavailable", "The notebook is closed.");
    return new Blob([text]).stream();
  };

  /** What one sees in a chat, in its order. */
  seenIn(chat: string): string[] {
    return [...this.lines.values()]
      .filter((line) => line.chat === chat)
      .map((line) => [line.words, line.file].filter(Boolean).join(" + "));
  }

  get isOpen(): boolean {
    return this.#door !== null;
  }

  #take({ chat, operation, placed, fileOf }: Order): string {
    const words = operation.kind === "text" ? operation.text : operation.caption;
    const files =
      operation.kind === "text" ? [] : operation.kind === "album" ? operation.artifacts : [operation.artifact];
    const attached = files.map(fileOf);
    const buttons = operation.kind === "album" ? [] : operation.buttons;
    if (placed !== null) this.lines.delete(placed);
    return this.#write({ chat, words, attached, buttons: actionsOf(buttons), titles: titlesOf(buttons) });
  }

  #write(line: Omit<Line, "file" | "attached"> & Partial<Pick<Line, "attached">>): string {
    const { attached = [] } = line;
    const id = `n${this.#next++}`;
    this.lines.set(id, { ...line, attached, file: attached.map(({ name }) => name).join(", ") || null });
    return id;
  }

  #rewrite(id: string, words: string): void {
    const line = this.lines.get(id);
    if (line === undefined) throw new DeliveryError("permanent", "There is no such line.");
    line.words = words;
  }
}

const actionsOf = (buttons: readonly Button[]): string[] => buttons.map(({ action }) => action);
const titlesOf = (buttons: readonly Button[]): string[] => buttons.map(({ title }) => title);
