// Words with formatting: parsed by the mode that the bot asked for, completed as the service does, and shown as HTML.
import { parseHtml } from "./html.ts";
import { parseMarkdown } from "./markdown.ts";
import { badRequest } from "./refusal.ts";
import type { Entity, Formatted, User } from "./wire.ts";

/** UTF-16 units after the formatting was taken out. */
export const MAX_TEXT = 4096;
export const MAX_CAPTION = 1024;

/** What the service finds by itself, in the order in which it wins. */
const FOUND: readonly (readonly [type: string, pattern: RegExp])[] = [
  ["url", /\b(?:https?:\/\/[^\s<>"]*[^\s<>".,;:!?)]|www\.[^\s<>"]*[^\s<>".,;:!?)])/g],
  ["email", /[\w.+-]+@[\w-]+\.[a-z]{2,}/gi],
  ["bot_command", /(?<![\w/<>])\/\w{1,64}(?:@\w{3,32})?(?![\w/])/g],
  ["mention", /(?<![\w@/])@[a-z]\w{2,31}\b/gi],
  ["hashtag", /(?<![\w#])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*/gu],
];
const CLOSED = new Set(["code", "pre", "text_link", "text_mention"]);

const TAGS: { readonly [type: string]: string } = {
  bold: "b",
  italic: "i",
  underline: "u",
  strikethrough: "s",
  spoiler: "tg-spoiler",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

/** Throws the service's refusal for a mode that it does not know, and for what does not parse. */
export function format(source: string, mode: string | undefined, given: readonly Entity[] = []): Formatted {
  const parsed = parse(source, mode, given);
  const trimmed = trim(parsed);
  return { text: trimmed.text, entities: [...trimmed.entities, ...find(trimmed)].toSorted(byPlace) };
}

/** What a person types: nothing is parsed, commands and names and addresses are found. */
export function plain(text: string): Formatted {
  return { text, entities: find({ text, entities: [] }).toSorted(byPlace) };
}

/** Names of others in a text: `@name`, lower case, without the sign. */
export function mentioned({ text, entities }: Formatted): string[] {
  const mentions = entities.filter((entity) => entity.type === "mention");
  return mentions.map(({ offset, length }) => text.slice(offset + 1, offset + length).toLowerCase());
}

/** What a client draws, as HTML. */
export function toHtml({ text, entities }: Formatted): string {
  const shown = entities.filter((entity) => TAGS[entity.type] !== undefined || entity.url !== undefined);
  const ends = (at: number) => shown.filter((one) => one.offset + one.length === at).toReversed();
  let html = "";
  for (let at = 0; at <= text.length; at += 1) {
    html += ends(at).map(endTag).join("");
    html += shown
      .filter((one) => one.offset === at)
      .map(startTag)
      .join("");
    html += escape(text.charAt(at));
  }
  return html;
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function sameText(one: Formatted, other: Formatted): boolean {
  return one.text === other.text && Bun.deepEquals(one.entities, other.entities);
}

/** A person as a name that can be shown. */
export function nameOf(user: User): string {
  return user.username === undefined ? user.first_name : `@${user.username}`;
}

function parse(source: string, mode: string | undefined, given: readonly Entity[]): Formatted {
  if (mode === undefined || mode === "") return { text: source, entities: checked(source, given) };
  if (mode.toLowerCase() === "html") return parseHtml(source);
  if (mode.toLowerCase() === "markdownv2") return parseMarkdown(source);
  throw badRequest("unsupported parse_mode");
}

/** Entities that a bot gives by itself have to lie inside the text. */
function checked(text: string, given: readonly Entity[]): readonly Entity[] {
  for (const { offset, length } of given)
    if (offset < 0 || length <= 0 || offset + length > text.length)
      throw badRequest(`entity beginning at UTF-16 offset ${offset} ends after the end of the text`);
  return given;
}

/** White space around a message is not sent. */
function trim({ text, entities }: Formatted): Formatted {
  const start = text.length - text.trimStart().length;
  const end = text.trimEnd().length;
  if (start >= end) return { text: "", entities: [] };
  const kept = entities.flatMap((entity) => {
    const from = Math.max(entity.offset, start);
    const length = Math.min(entity.offset + entity.length, end) - from;
    return length > 0 ? [{ ...entity, offset: from - start, length }] : [];
  });
  return { text: text.slice(start, end), entities: kept };
}

function find({ text, entities }: Formatted): Entity[] {
  const found: Entity[] = [];
  const isTaken = (offset: number, length: number) =>
    [...entities.filter((one) => CLOSED.has(one.type)), ...found].some(
      (one) => one.offset < offset + length && offset < one.offset + one.length,
    );
  for (const [type, pattern] of FOUND)
    for (const match of text.matchAll(pattern))
      if (!isTaken(match.index, match[0].length)) found.push({ type, offset: match.index, length: match[0].length });
  return found;
}

/** The outer before the inner. */
function byPlace(one: Entity, other: Entity): number {
  return one.offset - other.offset || other.length - one.length;
}

function startTag({ type, url, language }: Entity): string {
  if (url !== undefined) return `<a href="${escape(url)}">`;
  if (type === "pre" && language !== undefined) return `<pre><code class="language-${escape(language)}">`;
  return type === "expandable_blockquote" ? "<blockquote expandable>" : `<${TAGS[type] ?? type}>`;
}

function endTag({ type, url, language }: Entity): string {
  if (url !== undefined) return "</a>";
  return type === "pre" && language !== undefined ? "</code></pre>" : `</${TAGS[type] ?? type}>`;
}
