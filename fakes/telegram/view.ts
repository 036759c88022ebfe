// What the people in a chat see.
import type { Post, Room } from "./chats.ts";
import type { Edit } from "./chats.ts";
import type { Bytes, Media } from "./files.ts";
import { nameOf, toHtml } from "./text.ts";
import type { Button } from "./wire.ts";

export type SeenFile = {
  readonly kind: Media["kind"];
  readonly name: string;
  readonly mimeType: string;
  readonly bytes: Bytes;
};
export type SeenMessage = {
  readonly messageId: number;
  readonly isFromBot: boolean;
  readonly from: string;
  /** The words, or the caption, without formatting, and as HTML. */
  readonly text: string;
  readonly html: string;
  readonly atMs: number;
  /** What it was before, oldest first. */
  readonly edits: readonly Edit[];
  readonly album: string | undefined;
  readonly replyTo: number | undefined;
  readonly buttons: readonly (readonly Button[])[];
  readonly file: SeenFile | undefined;
  readonly reactions: readonly string[];
};
export type View = {
  readonly messages: readonly SeenMessage[];
  readonly deleted: readonly number[];
  readonly actions: readonly { readonly action: string; readonly atMs: number }[];
};

export function view({ posts, deleted, actions }: Room): View {
  return { messages: [...posts.values()].map(see), deleted: [...deleted], actions: [...actions] };
}

function see(post: Post): SeenMessage {
  return {
    messageId: post.id,
    isFromBot: post.from.is_bot,
    from: nameOf(post.from),
    text: post.words.text,
    html: toHtml(post.words),
    atMs: post.dateMs,
    edits: [...post.edits],
    album: post.albumId,
    replyTo: post.replyTo?.id,
    buttons: post.keyboard?.inline_keyboard ?? [],
    file: post.media && seeFile(post.media),
    reactions: [...post.reactions.values()].flat(),
  };
}

function seeFile({ kind, name, mimeType, bytes }: Media): SeenFile {
  return { kind, name, mimeType, bytes };
}
