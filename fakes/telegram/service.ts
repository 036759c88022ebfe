// Everything that the fake service knows; the methods and the people work on it.
import type { Chats, Post } from "./chats.ts";
import type { Files } from "./files.ts";
import type { Limits } from "./limits.ts";
import type { Parameters } from "./request.ts";
import type { Updates } from "./updates.ts";
import type { User } from "./wire.ts";
import type { Webhook } from "./webhook.ts";

export type Answer = { readonly text: string; readonly isAlert: boolean };
/** A pressed button; `answer` is what the bot said to it, and only once. */
export type Query = {
  readonly id: string;
  readonly from: User;
  readonly post: Post;
  readonly data: string;
  readonly atMs: number;
  answer: Answer | undefined;
};
export type Command = { readonly command: string; readonly description: string };

export type Service = {
  readonly bot: User & { readonly username: string };
  /** Without it a bot in a group hears commands, its name and replies only, which is how bots start out. */
  readonly hearsAll: boolean;
  readonly nowMs: () => number;
  readonly chats: Chats;
  readonly files: Files;
  readonly updates: Updates;
  readonly webhook: Webhook;
  readonly limits: Limits;
  readonly queries: Map<string, Query>;
  commands: readonly Command[];
  /** Tells those who wait for something. */
  readonly changed: () => void;
};

/** What a method did, for the list of calls: `message:12`, `edit:12`, …; undefined: nothing that lasts. */
export type Done = { readonly result: unknown; readonly effect?: string };
export type Method = (service: Service, parameters: Parameters, signal: AbortSignal) => Done | Promise<Done>;
