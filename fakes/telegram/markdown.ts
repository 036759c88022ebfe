// MarkdownV2 parse mode (https://core.telegram.org/bots/api#markdownv2-style; the wording is TDLib's).
import { complaint, toUrl } from "./html.ts";
import type { Entity, Formatted } from "./wire.ts";

const RESERVED = "_*[]()~`>#+-=|{}.!";

type Kind = "Bold" | "Italic" | "Underline" | "Strikethrough" | "Spoiler" | "Code" | "Pre" | "PreCode" | "TextUrl";
/** What ends it, and what it becomes. */
const KINDS: { readonly [K in Kind]: { readonly end: string; readonly type: string } } = {
  Bold: { end: "*", type: "bold" },
  Italic: { end: "_", type: "italic" },
  Underline: { end: "__", type: "underline" },
  Strikethrough: { end: "~", type: "strikethrough" },
  Spoiler: { end: "||", type: "spoiler" },
  Code: { end: "`", type: "code" },
  Pre: { end: "```", type: "pre" },
  PreCode: { end: "```", type: "pre" },
  TextUrl: { end: "]", type: "text_link" },
};
type Open = { readonly kind: Kind; readonly start: number; readonly at: number; readonly language?: string };

/** Throws the service's refusal when it does not parse. */
export function parseMarkdown(source: string): Formatted {
  return new Reader(source).read();
}

class Reader {
  readonly #source: string;
  readonly #open: Open[] = [];
  readonly #entities: Entity[] = [];
  #at = 0;
  #text = "";
  #quoteStart: number | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Formatted {
    while (this.#at < this.#source.length) this.#step();
    const open = this.#open.at(-1);
    if (open !== undefined)
      throw complaint(`Can't find end of ${open.kind} entity at byte offset ${this.#bytes(open.at)}`);
    this.#endQuote();
    return { text: this.#text, entities: this.#entities };
  }

  #step(): void {
    const letter = this.#source.charAt(this.#at);
    const next = this.#source.charAt(this.#at + 1);
    const open = this.#open.at(-1);
    if (letter === "\\" && next > "\0" && next < "\x7f") return this.#literal(next, 2);
    if (open !== undefined && this.#endsHere(open)) return this.#close(open);
    const isVerbatim = open !== undefined && ["Code", "Pre", "PreCode"].includes(open.kind);
    if (isVerbatim && letter !== "`") return this.#literal(letter, 1);
    if (letter === ">" && this.#isAtLineStart()) {
      this.#quoteStart ??= this.#text.length;
      this.#at += 1;
      return;
    }
    if (letter === "\n" && this.#quoteStart !== undefined && next !== ">") this.#endQuote();
    if (!RESERVED.includes(letter)) return this.#literal(letter, 1);
    this.#begin(letter, next);
  }

  #literal(letter: string, length: number): void {
    this.#text += letter;
    this.#at += length;
  }

  #endsHere({ kind }: Open): boolean {
    const { end } = KINDS[kind];
    // Two underscores are an underline, whoever waits for one.
    if (kind === "Italic" && this.#source.startsWith("__", this.#at)) return false;
    return this.#source.startsWith(end, this.#at);
  }

  #begin(letter: string, next: string): void {
    const open = (kind: Kind, length: number, language?: string): void => {
      const opened = { kind, start: this.#text.length, at: this.#at };
      this.#open.push(language === undefined ? opened : { ...opened, language });
      this.#at += length;
    };
    if (letter === "_") return next === "_" ? open("Underline", 2) : open("Italic", 1);
    if (letter === "*") return open("Bold", 1);
    if (letter === "~") return open("Strikethrough", 1);
    if (letter === "|" && next === "|") return open("Spoiler", 2);
    if (letter === "[") return open("TextUrl", 1);
    if (letter !== "`")
      throw complaint(`Character '${letter}' is reserved and must be escaped with the preceding '\\'`);
    if (!this.#source.startsWith("```", this.#at)) return open("Code", 1);
    const language = /^[^\s`]+(?=\s)/.exec(this.#source.slice(this.#at + 3))?.[0];
    const length = 3 + (language?.length ?? 0);
    const newline = /^(?:\r\n|\n\r|\n|\r)/.exec(this.#source.slice(this.#at + length))?.[0] ?? "";
    open(language === undefined ? "Pre" : "PreCode", length + newline.length, language);
  }

  #close(open: Open): void {
    this.#open.pop();
    this.#at += KINDS[open.kind].end.length;
    const place = { offset: open.start, length: this.#text.length - open.start };
    const url = open.kind === "TextUrl" ? this.#address(this.#text.slice(open.start)) : undefined;
    if (place.length === 0) return;
    const type = KINDS[open.kind].type;
    if (open.kind !== "TextUrl")
      this.#entities.push(
        open.language === undefined ? { type, ...place } : { type, ...place, language: open.language },
      );
    else if (url !== undefined) this.#entities.push({ type, ...place, url });
  }

  /** The address in parentheses after a link's words; without one, the words are the address. */
  #address(words: string): string | undefined {
    if (this.#source.charAt(this.#at) !== "(") return toUrl(words);
    const begin = this.#at;
    let address = "";
    this.#at += 1;
    while (this.#at < this.#source.length && this.#source.charAt(this.#at) !== ")") {
      if (this.#source.charAt(this.#at) === "\\") this.#at += 1;
      address += this.#source.charAt(this.#at);
      this.#at += 1;
    }
    if (this.#at >= this.#source.length)
      throw complaint(`Can't find end of a URL at byte offset ${this.#bytes(begin + 1)}`);
    this.#at += 1;
    return toUrl(address);
  }

  #endQuote(): void {
    if (this.#quoteStart !== undefined && this.#text.length > this.#quoteStart)
      this.#entities.push({
        type: "blockquote",
        offset: this.#quoteStart,
        length: this.#text.length - this.#quoteStart,
      });
    this.#quoteStart = undefined;
  }

  #isAtLineStart(): boolean {
    return this.#at === 0 || this.#source.charAt(this.#at - 1) === "\n";
  }

  #bytes(at: number): number {
    return Buffer.byteLength(this.#source.slice(0, at));
  }
}
