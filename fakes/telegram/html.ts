// HTML parse mode: tags to entities, and the service's complaints with their byte offsets
// (https://core.telegram.org/bots/api#html-style; the wording is TDLib's, MessageEntity.cpp).
import { badRequest } from "./refusal.ts";
import type { Entity, Formatted } from "./wire.ts";

const TYPES: { readonly [tag: string]: string } = {
  b: "bold",
  strong: "bold",
  i: "italic",
  em: "italic",
  u: "underline",
  ins: "underline",
  s: "strikethrough",
  strike: "strikethrough",
  del: "strikethrough",
  "tg-spoiler": "spoiler",
  span: "spoiler",
  code: "code",
  pre: "pre",
  a: "text_link",
  blockquote: "blockquote",
  "tg-emoji": "custom_emoji",
};
const NAMED: { readonly [name: string]: string } = { lt: "<", gt: ">", amp: "&", quot: '"' };
const REFERENCE = /^&(?:#(?:x([0-9a-f]+)|(\d+))|(lt|gt|amp|quot));?/i;

type Tag = { readonly name: string; readonly attributes: ReadonlyMap<string, string>; readonly start: number };

/** Throws the service's refusal when it does not parse. */
export function parseHtml(source: string): Formatted {
  return new Reader(source).read();
}

class Reader {
  readonly #source: string;
  readonly #open: Tag[] = [];
  readonly #entities: Entity[] = [];
  #at = 0;
  #text = "";

  constructor(source: string) {
    this.#source = source;
  }

  read(): Formatted {
    while (this.#at < this.#source.length) {
      const letter = this.#source.charAt(this.#at);
      if (letter === "&") this.#text += this.#reference();
      else if (letter !== "<") {
        this.#text += letter;
        this.#at += 1;
      } else if (this.#source.charAt(this.#at + 1) === "/") this.#endTag();
      else this.#startTag();
    }
    const open = this.#open.at(-1);
    if (open !== undefined) throw complaint(`Can't find end tag corresponding to start tag "${open.name}"`);
    return { text: this.#text, entities: this.#entities };
  }

  #reference(): string {
    const found = REFERENCE.exec(this.#source.slice(this.#at, this.#at + 16));
    const code = found === null ? 0 : Number.parseInt(found[1] ?? found[2] ?? "0", found[1] === undefined ? 10 : 16);
    const letter = found?.[3] === undefined ? decoded(code) : NAMED[found[3].toLowerCase()];
    if (found === null || letter === undefined) {
      this.#at += 1;
      return "&";
    }
    this.#at += found[0].length;
    return letter;
  }

  #startTag(): void {
    const begin = this.#at;
    this.#at += 1;
    const name = this.#take(/[^\s>]/).toLowerCase();
    if (this.#isAtEnd()) throw this.#complain("Unclosed start tag", begin);
    if (TYPES[name] === undefined) throw this.#complain(`Unsupported start tag "${name}"`, begin);
    const attributes = new Map<string, string>();
    this.#take(/\s/);
    while (!this.#isAtEnd() && this.#source.charAt(this.#at) !== ">") {
      const [key, value] = this.#attribute(name, begin);
      attributes.set(key, value);
      this.#take(/\s/);
    }
    if (this.#isAtEnd()) throw this.#complain("Unclosed start tag", begin);
    this.#at += 1;
    if (name === "span" && attributes.get("class") !== "tg-spoiler")
      throw this.#complain('Tag "span" must have class "tg-spoiler"', begin);
    this.#open.push({ name, attributes, start: this.#text.length });
  }

  #attribute(tag: string, begin: number): [string, string] {
    const key = this.#take(/[^\s=>]/).toLowerCase();
    if (key === "") throw this.#complain(`Empty attribute name in the tag "${tag}"`, begin);
    this.#take(/\s/);
    if (this.#source.charAt(this.#at) !== "=") {
      // The one attribute that stands alone.
      if (tag === "blockquote" && key === "expandable") return [key, ""];
      throw this.#complain(`Expected equal sign in declaration of an attribute of the tag "${tag}"`, begin);
    }
    this.#at += 1;
    this.#take(/\s/);
    if (this.#isAtEnd()) throw this.#complain(`Unclosed start tag "${tag}"`, begin);
    const quote = this.#source.charAt(this.#at);
    if (quote !== '"' && quote !== "'") return [key, this.#token()];
    this.#at += 1;
    let value = "";
    while (!this.#isAtEnd() && this.#source.charAt(this.#at) !== quote) {
      const letter = this.#source.charAt(this.#at);
      if (letter === "&") value += this.#reference();
      else {
        value += letter;
        this.#at += 1;
      }
    }
    if (this.#isAtEnd()) throw this.#complain("Unclosed start tag", begin);
    this.#at += 1;
    return [key, value];
  }

  #token(): string {
    const begin = this.#at;
    const token = this.#take(/[a-z0-9.-]/i);
    if (!/[\s>]/.test(this.#source.charAt(this.#at))) throw this.#complain("Unexpected end of name token", begin);
    return token;
  }

  #endTag(): void {
    const begin = this.#at;
    const tag = this.#open.pop();
    if (tag === undefined) throw this.#complain("Unexpected end tag", begin);
    this.#at += 2;
    const name = this.#take(/[^\s>]/).toLowerCase();
    this.#take(/\s/);
    if (this.#source.charAt(this.#at) !== ">") throw this.#complain("Unclosed end tag", begin);
    if (name !== "" && name !== tag.name)
      throw this.#complain(`Unmatched end tag, expected "</${tag.name}>", found "</${name}>"`, begin);
    this.#at += 1;
    if (this.#text.length > tag.start) this.#close(tag);
  }

  #close({ name, attributes, start }: Tag): void {
    const place = { offset: start, length: this.#text.length - start };
    const language = /^language-(.+)/.exec(attributes.get("class") ?? "")?.[1];
    const last = this.#entities.at(-1);
    const isWhole = last?.offset === place.offset && last.length === place.length;
    if (name === "pre" && last?.type === "code" && isWhole && last.language !== undefined)
      this.#entities.splice(-1, 1, { type: "pre", ...place, language: last.language });
    else if (name === "a") this.#link(attributes.get("href") ?? this.#text.slice(start), place);
    else if (name === "blockquote" && attributes.has("expandable"))
      this.#entities.push({ type: "expandable_blockquote", ...place });
    else if (name === "code" && language !== undefined) this.#entities.push({ type: "code", ...place, language });
    else if (name === "tg-emoji")
      this.#entities.push({ type: "custom_emoji", ...place, custom_emoji_id: attributes.get("emoji-id") ?? "" });
    else this.#entities.push({ type: TYPES[name] ?? name, ...place });
  }

  /** What is no address is left as plain text, without a complaint. */
  #link(address: string, place: { offset: number; length: number }): void {
    const url = toUrl(address);
    if (url !== undefined) this.#entities.push({ type: "text_link", ...place, url });
  }

  #take(pattern: RegExp): string {
    const begin = this.#at;
    while (!this.#isAtEnd() && pattern.test(this.#source.charAt(this.#at))) this.#at += 1;
    return this.#source.slice(begin, this.#at);
  }

  #isAtEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  #complain(what: string, at: number): Error {
    const where = `at byte offset ${Buffer.byteLength(this.#source.slice(0, at))}`;
    const [head, ...rest] = what.split(", ");
    return complaint([`${head} ${where}`, ...rest].join(", "));
  }
}

function decoded(code: number): string | undefined {
  if (code >= 0xd800 && code <= 0xdfff)
    throw complaint(
      "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units",
    );
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** The address as the service keeps it; undefined when it would not make a link of it. */
export function toUrl(address: string): string | undefined {
  const full = /^[a-z][a-z0-9+.-]*:/i.test(address) ? address : `http://${address}`;
  if (!/^(?:https?|tg|ton|tonsite):/i.test(full) || !URL.canParse(full)) return undefined;
  const url = new URL(full);
  return /^https?:$/.test(url.protocol) && !url.hostname.includes(".") ? undefined : url.href;
}

export function complaint(what: string): Error {
  return badRequest(`can't parse entities: ${what}`);
}
