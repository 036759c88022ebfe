// What is written but not sent, kept per conversation: the words over a reload, the files while the page is open.
import { signal, type Signal } from "@preact/signals";
import { limitText, bytesText, visible } from "./text.ts";

export type DraftFile = { readonly key: number; readonly file: File };

export type Draft = {
  readonly text: Signal<string>;
  readonly files: Signal<readonly DraftFile[]>;
  /** Why the last file was not taken; "" when all is well. */
  readonly refusal: Signal<string>;
};

export type Drafts = {
  readonly of: (conversationId: string | null) => Draft;
  readonly write: (conversationId: string | null, text: string) => void;
  readonly attach: (conversationId: string | null, files: readonly File[], maxUploadBytes: number) => void;
  readonly detach: (conversationId: string | null, key: number) => void;
  readonly clear: (conversationId: string | null) => void;
  /** A new conversation has got its name: what was being written before, in none or in another one, goes along. */
  readonly name: (from: string | null, conversationId: string) => void;
};

export const MAX_FILES = 50;

export function createDrafts(storage: Pick<Storage, "getItem" | "setItem" | "removeItem">): Drafts {
  const drafts = new Map<string, Draft>();
  let nextKey = 1;

  const of = (conversationId: string | null): Draft => {
    const key = storageKey(conversationId);
    const known = drafts.get(key);
    if (known !== undefined) return known;
    const draft: Draft = { text: signal(storage.getItem(key) ?? ""), files: signal([]), refusal: signal("") };
    drafts.set(key, draft);
    return draft;
  };
  const write = (conversationId: string | null, text: string): void => {
    of(conversationId).text.value = text;
    if (text === "") storage.removeItem(storageKey(conversationId));
    else storage.setItem(storageKey(conversationId), text);
  };

  return {
    of,
    write,
    attach: (conversationId, files, maxUploadBytes) => {
      const draft = of(conversationId);
      draft.refusal.value = "";
      for (const file of files) {
        const refusal = refusalOf(file, draft.files.peek(), maxUploadBytes);
        if (refusal !== "") draft.refusal.value = refusal;
        else draft.files.value = [...draft.files.peek(), { key: nextKey++, file }];
      }
    },
    detach: (conversationId, key) => {
      const draft = of(conversationId);
      draft.refusal.value = "";
      draft.files.value = draft.files.peek().filter((file) => file.key !== key);
    },
    clear: (conversationId) => {
      write(conversationId, "");
      of(conversationId).files.value = [];
      of(conversationId).refusal.value = "";
    },
    name: (from, conversationId) => {
      const draft = of(from);
      drafts.delete(storageKey(from));
      storage.removeItem(storageKey(from));
      drafts.set(storageKey(conversationId), draft);
      write(conversationId, draft.text.peek());
    },
  };
}

function storageKey(conversationId: string | null): string {
  return `sandpiper-draft:${conversationId ?? "new"}`;
}

function refusalOf(file: File, held: readonly DraftFile[], maxUploadBytes: number): string {
  if (file.size > maxUploadBytes) {
    return `“${visible(file.name)}” is ${bytesText(file.size)}; a file may have up to ${limitText(maxUploadBytes)}. It was not added.`;
  }
  if (held.length >= MAX_FILES)
    return `A message takes up to ${MAX_FILES} files. “${visible(file.name)}” was not added.`;
  return "";
}
