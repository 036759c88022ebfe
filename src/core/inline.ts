// Markdown inside a paragraph: emphasis, code and links as a flat row of styled words. Flat, because any of it can then
// be cut anywhere. One pass: whatever the text, the time grows with its length alone.
import { isDisguise } from "./disguise.ts";

/** Words of one style. */
export type Span = {
  readonly text: string;
  readonly isBold: boolean;
  readonly isItalic: boolean;
  readonly isStruck: boolean;
  readonly isCode: boolean;
  /** Where it leads: http, https or mailto; null when nowhere. */
  readonly href: string | null;
  /** On the last span of a link: what follows it where there are no links, " (address)". */
  readonly tail: string;
};

type Piece = { text: string; isCode: boolean; href: string | null; tail: string; run: Run | null };
type Run = {
  readonly piece: number;
  readonly mark: string;
  readonly length: number;
  readonly canOpen: boolean;
  readonly canClose: boolean;
  left: number;
};
type Style = "bold" | "italic" | "struck";

type Reader = {
  readonly source: string;
  readonly pieces: Piece[];
  /** Runs that may still open an emphasis. */
  readonly openers: Run[];
  /** Below this there is no opener for such a closer: looked for once. */
  readonly floors: Map<string, number>;
  readonly styled: { readonly style: Style; readonly from: number; readonly to: number }[];
  /** Pieces that are a "[". */
  readonly brackets: number[];
  readonly backticks: Map<number, number[]>;
};

const SPECIAL = /[\\`*_~[\]!<&]|https?:\/\//;
const ADDRESS = /\(\s*(?:<([^<>\n]*)>|((?:[^\s()<]|\([^\s()]*\))+))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
const ENTITIES: { readonly [name: string]: string } = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
const WHITE = /^\s?$/;
const PUNCTUATION = /^[\p{P}\p{S}]$/u;
/** What notifies a whole room, and addresses that command the app. */
const LOUD = /(?<![\w@])@(?=(?:everyone|all|here|channel|room)\b)|\b(?:tg|ton|tonsite):(?=\/\/)/gi;

export function plainSpan(text: string): Span {
  return { text, isBold: false, isItalic: false, isStruck: false, isCode: false, href: null, tail: "" };
}

/** May hold line breaks. What notifies everyone, or commands the app, is broken by a word joiner. */
export function readInline(source: string): Span[] {
  if (!SPECIAL.test(source)) return source === "" ? [] : [guarded(plainSpan(source))];
  const reader: Reader = {
    source,
    pieces: [],
    openers: [],
    floors: new Map(),
    styled: [],
    brackets: [],
    backticks: backticksOf(source),
  };
  const special = new RegExp(SPECIAL, "g");
  let at = 0;
  while (at < source.length) {
    special.lastIndex = at;
    const found = special.exec(source);
    add(reader, source.slice(at, found?.index));
    if (found === null) break;
    at = readSpecial(reader, found[0], found.index);
  }
  return spansOf(reader);
}

function readSpecial(reader: Reader, sign: string, at: number): number {
  const literal = (): number => {
    add(reader, sign);
    return at + sign.length;
  };
  switch (sign) {
    case "\\":
      return readEscape(reader, at) ?? literal();
    case "`":
      return readCode(reader, at);
    case "*":
    case "_":
    case "~":
      return readRun(reader, sign, at);
    case "[":
      reader.brackets.push(reader.pieces.length);
      return literal();
    case "]":
      return readLink(reader, at) ?? literal();
    case "!":
      return readImage(reader, at) ?? literal();
    case "<":
      return readAngle(reader, at) ?? literal();
    case "&":
      return readEntity(reader, at) ?? literal();
    default:
      return readAddress(reader, at);
  }
}

function add(reader: Reader, text: string, more: Partial<Piece> = {}): void {
  if (text !== "") reader.pieces.push({ text, isCode: false, href: null, tail: "", run: null, ...more });
}

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function readEscape(reader: Reader, at: number): number | null {
  const next = reader.source[at + 1] ?? "";
  if (next !== "\n" && !/^[!-/:-@[-`{-~]$/.test(next)) return null;
  add(reader, next);
  return at + 2;
}

function backticksOf(source: string): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const { 0: run, index } of source.matchAll(/`+/g)) {
    const known = places.get(run.length);
    if (known === undefined) places.set(run.length, [index]);
    else known.push(index);
  }
  for (const known of places.values()) known.reverse();
  return places;
}

function readCode(reader: Reader, at: number): number {
  const { source } = reader;
  let start = at;
  while (source[start] === "`") start++;
  const ahead = reader.backticks.get(start - at) ?? [];
  while ((ahead.at(-1) ?? Infinity) <= at) ahead.pop();
  const end = ahead.at(-1);
  if (end === undefined) {
    add(reader, source.slice(at, start));
    return start;
  }
  const code = source.slice(start, end).replaceAll("\n", " ");
  const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
  add(reader, isPadded ? code.slice(1, -1) : code, { isCode: true });
  return end + start - at;
}

function readRun(reader: Reader, mark: string, at: number): number {
  const { source } = reader;
  let end = at;
  while (source[end] === mark) end++;
  const length = end - at;
  const before = source[at - 1] ?? "";
  const after = source[end] ?? "";
  const isLeft = !WHITE.test(after) && (!PUNCTUATION.test(after) || WHITE.test(before) || PUNCTUATION.test(before));
  const isRight = !WHITE.test(before) && (!PUNCTUATION.test(before) || WHITE.test(after) || PUNCTUATION.test(after));
  // A product is no emphasis: 2*3*4.
  const isProduct = mark === "*" && length === 1 && /^\w$/.test(before) && /^\w$/.test(after);
  const isMark = mark === "~" ? length === 2 : !isProduct;
  const run: Run = {
    piece: reader.pieces.length,
    mark,
    length,
    canOpen: isMark && isLeft && (mark !== "_" || !isRight || PUNCTUATION.test(before)),
    canClose: isMark && isRight && (mark !== "_" || !isLeft || PUNCTUATION.test(after)),
    left: length,
  };
  add(reader, mark, { run });
  if (run.canClose) closeRuns(reader, run);
  if (run.canOpen && run.left > 0) reader.openers.push(run);
  return end;
}

function closeRuns(reader: Reader, run: Run): void {
  const { openers, floors } = reader;
  while (run.left > 0) {
    const at = findOpener(reader, run);
    const opener = openers[at];
    if (opener === undefined) return;
    const isDouble = opener.left >= 2 && run.left >= 2;
    const style = run.mark === "~" ? "struck" : isDouble ? "bold" : "italic";
    reader.styled.push({ style, from: opener.piece + 1, to: run.piece });
    opener.left -= isDouble ? 2 : 1;
    run.left -= isDouble ? 2 : 1;
    openers.length = opener.left > 0 ? at + 1 : at;
    for (const [key, floor] of floors) floors.set(key, Math.min(floor, openers.length));
  }
}

/** CommonMark's rule of three included; -1 when nothing opens for this run. */
function findOpener({ openers, floors }: Reader, run: Run): number {
  const key = `${run.mark}${run.canOpen}${run.length % 3}`;
  const floor = floors.get(key) ?? 0;
  for (let at = openers.length - 1; at >= floor; at--) {
    const one = openers[at];
    if (one?.mark !== run.mark) continue;
    const isOdd = (one.canClose || run.canOpen) && (one.length + run.length) % 3 === 0 && run.length % 3 !== 0;
    if (!isOdd) return at;
  }
  floors.set(key, openers.length);
  return -1;
}

function readLink(reader: Reader, at: number): number | null {
  const bracket = reader.brackets.pop();
  const opening = bracket === undefined ? undefined : reader.pieces[bracket];
  if (bracket === undefined || opening === undefined || reader.source[at + 1] !== "(") return null;
  const found = match(ADDRESS, reader.source, at + 1);
  if (found === null) return null;
  const address = addressOf(found);
  opening.text = "";
  const words = wordsOf(reader.pieces.slice(bracket + 1));
  if (words === "") add(reader, address);
  const href = followable(address);
  const label = reader.pieces.slice(bracket + 1);
  const isDisguised = href !== null && isDisguise(words, href);
  for (const piece of label)
    Object.assign(piece, { href: isDisguised ? null : href, tail: "", text: piece.text.replaceAll("\n", " ") });
  if (isDisguised) addTarget(reader, href);
  // On words that are seen, so that it never stands alone in a message.
  const last = label.findLast((piece) => wordsOf([piece]) !== "");
  if (href !== null && !isDisguised && last !== undefined)
    Object.assign(last, { text: last.text.trimEnd(), tail: tailOf(words, href) });
  // A link holds no link: what is left of earlier brackets is text.
  reader.brackets.length = 0;
  return at + 1 + found[0].length;
}

function wordsOf(pieces: readonly Piece[]): string {
  const words = pieces.map(({ text, run }) => (run === null ? text : "")).join("");
  return /[^\s\p{Cf}]/u.test(words) ? words.trim() : "";
}

/** A picture from elsewhere is never fetched: a link at most. */
function readImage(reader: Reader, at: number): number | null {
  const found = match(/!\[([^[\]\n]*)\]/y, reader.source, at);
  const address = found === null ? null : match(ADDRESS, reader.source, at + found[0].length);
  if (found === null || address === null) return null;
  const href = followable(addressOf(address));
  const label = (found[1] ?? "").trim();
  const words = /[^\s\p{Cf}]/u.test(label) ? label : addressOf(address);
  const isDisguised = href !== null && isDisguise(words, href);
  add(reader, words, href === null || isDisguised ? {} : { href, tail: tailOf(words, href) });
  if (isDisguised) addTarget(reader, href);
  return at + found[0].length + address[0].length;
}

function readAngle(reader: Reader, at: number): number | null {
  const line = match(/<br\s{0,3}\/?>/iy, reader.source, at);
  if (line !== null) {
    add(reader, "\n");
    return at + line[0].length;
  }
  const found = match(/<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy, reader.source, at);
  const href = followable(found?.[1] ?? "");
  if (found === null || href === null) return null;
  const words = href.replace(/^mailto:/i, "");
  add(reader, words, { href, tail: tailOf(words, href) });
  return at + found[0].length;
}

/** An address that stands in the text, so that its underscores are no emphasis; the platform makes a link of it. */
function readAddress(reader: Reader, at: number): number {
  const found = match(/https?:\/\/[^\s<>[\]()*`"'\\&]*/y, reader.source, at)?.[0] ?? "h";
  let end = found.length;
  while (end > 1 && "_~.,:;!?".includes(found[end - 1] ?? " ")) end--;
  add(reader, found.slice(0, end));
  return at + end;
}

function readEntity(reader: Reader, at: number): number | null {
  const found = match(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/iy, reader.source, at);
  if (found === null) return null;
  const [whole, decimal, hex, name] = found;
  const point = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
  const isCharacter = point >= 32 && point <= 0x10_ffff && (point < 0xd800 || point > 0xdfff);
  const text = name === undefined ? (isCharacter ? String.fromCodePoint(point) : undefined) : ENTITIES[name];
  if (text === undefined || /^\p{Cc}$/u.test(text)) return null;
  add(reader, text);
  return at + whole.length;
}

function addressOf(found: RegExpExecArray): string {
  return (found[1] ?? found[2] ?? "").trim().replace(/\\([!-/:-@[-`{-~])/g, "$1");
}

function followable(address: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)./i.test(address) || !URL.canParse(address)) return null;
  return address.replaceAll('"', "%22").replace(/\s/g, "%20");
}

function tailOf(words: string, href: string): string {
  const address = href.replace(/^mailto:/i, "");
  const isSame = [address, address.replace(/^https?:\/\//i, "")].includes(words.trim());
  return isSame ? "" : ` (${address})`;
}

/** Where a link leads, behind its words. */
function addTarget(reader: Reader, href: string): void {
  add(reader, " (");
  add(reader, href.replace(/^mailto:/i, ""), { href });
  add(reader, ")");
}

function spansOf({ pieces, styled }: Reader): Span[] {
  const zeros = (): Int32Array => new Int32Array(pieces.length + 1);
  const depths = { bold: zeros(), italic: zeros(), struck: zeros() };
  for (const { style, from, to } of styled) {
    depths[style][from] = (depths[style][from] ?? 0) + 1;
    depths[style][to] = (depths[style][to] ?? 0) - 1;
  }
  const spans: Span[] = [];
  const now = { bold: 0, italic: 0, struck: 0 };
  for (const [at, { text, run, isCode, href, tail }] of pieces.entries()) {
    now.bold += depths.bold[at] ?? 0;
    now.italic += depths.italic[at] ?? 0;
    now.struck += depths.struck[at] ?? 0;
    const words = run === null ? text : run.mark.repeat(run.left);
    const style = { isBold: now.bold > 0, isItalic: now.italic > 0, isStruck: now.struck > 0, isCode, href };
    const last = spans.at(-1);
    if (last !== undefined && last.tail === "" && isSameStyle(last, style)) {
      spans[spans.length - 1] = { ...style, text: last.text + words, tail };
    } else if (words !== "" || tail !== "") spans.push({ ...style, text: words, tail });
  }
  return spans.map(guarded);
}

function guarded(span: Span): Span {
  return span.isCode ? span : { ...span, text: span.text.replace(LOUD, "$&\u2060") };
}

function isSameStyle(one: Span, other: Omit<Span, "text" | "tail">): boolean {
  return (
    one.isBold === other.isBold &&
    one.isItalic === other.isItalic &&
    one.isStruck === other.isStruck &&
    one.isCode === other.isCode &&
    one.href === other.href
  );
}
