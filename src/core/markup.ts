// Markdown as a platform writes it, in parts that fit. Every line is printed so that it is valid by itself: then lines
// can be cut and packed at will, and the length of a part is the sum of what is in it.
import { dialects, type Dialect, type Markup } from "./dialects.ts";
import { plainSpan, type Span } from "./inline.ts";
import { cleaned, readMarkdown, type Block, type Frame } from "./markdown.ts";

/** The same words with markup and without; lengths are UTF-16 units, and `plain` is never the longer one. */
export type Part = { readonly text: string; readonly plain: string };

type Row = Part & {
  readonly frame: Frame | null;
  /** Line breaks before it, unless it is the first. */
  readonly gap: 1 | 2;
  readonly isHeading: boolean;
};

/** The least that a part may be asked to fit in. */
export const MIN_PART_LENGTH = 128;
/** Of a part; a longer address is written out, where it can be cut. */
const LINK_SHARE = 1 / 4;
/** How many times its length of the source a beginning is looked for in. */
const LEAD_REACH = 16;
const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Z}\p{M}]*$/u;
/** How far a whole character may reach back over a cut. */
const CHARACTER_REACH = 64;

/**
 * Valid parts of `limit` units at most, `plain` included; cut between blocks, else lines, else words. Nothing to be seen,
 * no part. Links other than http, https and mailto become their words. Linear in the length; it may stop soon after
 * `most` parts, and then there are more than those.
 */
export function toParts(source: string, markup: Markup, limit: number, most = Infinity): Part[] {
  mustFit(limit);
  const text = cleaned(source);
  if (markup === "markdown" && text.length <= limit) return withPlain([{ text, plain: text }], limit);
  const parts = pack(rowsOf(readMarkdown(text), markup, limit), dialects[markup], limit, most);
  return markup === "markdown" ? withPlain(parts, limit) : parts.filter(({ plain }) => !INVISIBLE.test(plain));
}

/** What a text begins with that stands for itself: its first paragraph, else as many sentences of that as fit. */
export function leadOf(source: string, markup: Markup, limit: number): Part {
  mustFit(limit);
  const blocks = readMarkdown(source.slice(0, limit * LEAD_REACH));
  const at = blocks.findIndex(({ kind }) => kind === "paragraph");
  const first = blocks[Math.max(at, 0)];
  if (first === undefined || (at < 0 && first.kind !== "heading")) return { text: "", plain: "" };
  const dialect = dialects[markup];
  const titled = at > 0 && blocks[at - 1]?.kind === "heading" ? blocks.slice(at - 1, at + 1) : [first];
  for (const some of [titled, [first]]) {
    const [whole, ...more] = pack(rowsOf(some, markup, limit), dialect, limit);
    if (whole !== undefined && more.length === 0) return whole;
  }
  const spans = linesOf(first, markup, limit).flatMap((line, index) =>
    index === 0 ? line : [plainSpan(" "), ...line],
  );
  const [start = []] = cutLine(spans, dialect, limit - 1);
  const sentences = [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(wordsOf(start))];
  // The last one is cut, as the cut was made anywhere.
  const end = sentences.length > 1 ? (sentences.at(-1)?.index ?? 0) : null;
  const lead = end === null ? [...start, plainSpan("…")] : headOf(start, end);
  const { text, plain } = printed(lead, dialect);
  return { text: text.trim(), plain: plain.trim() };
}

function mustFit(limit: number): void {
  if (limit < MIN_PART_LENGTH) throw new RangeError(`A part of ${limit} units; ${MIN_PART_LENGTH} is the least.`);
}

/** The plain words of Markdown parts; Markdown itself is readable where they are longer. */
function withPlain(parts: readonly Part[], limit: number): Part[] {
  return parts.flatMap(({ text }) => {
    const plain =
      pack(rowsOf(readMarkdown(text), "plain", text.length + limit), dialects.plain, Infinity)[0]?.plain ?? "";
    return INVISIBLE.test(plain) ? [] : [{ text, plain: plain.length <= limit ? plain : text }];
  });
}

function* rowsOf(blocks: readonly Block[], markup: Markup, limit: number): Generator<readonly Row[]> {
  const dialect = dialects[markup];
  for (const block of blocks) {
    const frame = markup === "markdown" && block.kind !== "code" ? null : block.frame;
    const { around, before } = frameOf(frame, dialect);
    const room = limit - around.join("").length - before.length;
    const parts = linesOf(block, markup, limit).flatMap((line) => {
      const whole = printed(line, dialect);
      return whole.text.length <= room ? [whole] : cutLine(line, dialect, room).map((piece) => printed(piece, dialect));
    });
    const isHeading = block.kind === "heading";
    yield parts.map(({ text, plain }, at) => ({ text: before + text, plain, frame, gap: at === 0 ? 2 : 1, isHeading }));
  }
}

function linesOf(block: Block, markup: Markup, limit: number): readonly (readonly Span[])[] {
  if (markup === "markdown") return block.raw.map((line) => [plainSpan(line)]);
  const isCode = block.kind === "code" || block.kind === "table";
  return block.lines.map((line) =>
    line.flatMap((span) => {
      // WhatsApp knows no way to have a backtick in code.
      if (isCode && markup === "whatsapp") return [{ ...span, text: span.text.replaceAll("```", "`\u2060`\u2060`") }];
      if (span.isCode && markup === "whatsapp" && span.text.includes("`")) return [{ ...span, isCode: false }];
      if (span.href === null) return [span];
      const isShort = aroundOf(span, dialects[markup]).join("").length + span.tail.length <= limit * LINK_SHARE;
      return isShort ? [span] : [{ ...span, href: null, tail: "" }, plainSpan(span.tail)];
    }),
  );
}

function frameOf(frame: Frame | null, dialect: Dialect): ReturnType<Dialect["frame"]> {
  return frame === null ? { around: ["", ""], before: "" } : dialect.frame(frame);
}

function printed(line: readonly Span[], dialect: Dialect): Part {
  const plain = line.map((span) => span.text + span.tail).join("");
  return { text: dialect.isBare ? plain : line.map((span) => printedSpan(span, dialect)).join(""), plain };
}

/** Spaces at the ends stay outside: WhatsApp takes no mark beside one. */
function printedSpan(span: Span, dialect: Dialect): string {
  const words = span.text.trim();
  const start = span.text.indexOf(words);
  const tail = dialect.link === null ? span.tail : "";
  if (words === "") return span.text + tail;
  const [open, close] = aroundOf(span, dialect);
  const escaped = words.replace(/[&<>]/g, (sign) => dialect.escapes[sign] ?? sign);
  return span.text.slice(0, start) + open + escaped + close + span.text.slice(start + words.length) + tail;
}

function aroundOf(span: Span, dialect: Dialect): readonly [string, string] {
  const [open, close] = dialect.style(span);
  if (span.href === null || dialect.link === null) return [open, close];
  const [before, behind] = dialect.link(span.href);
  return [before + open, close + behind];
}

/** One line as pieces of `room` units at most. */
function cutLine(line: readonly Span[], dialect: Dialect, room: number): (readonly Span[])[] {
  let current: Span[] = [];
  let used = 0;
  const pieces: Span[][] = [current];
  for (const span of line) {
    // What it costs besides its words. A written address is charged with every piece, though it is on the last.
    const extra = aroundOf(span, dialect).join("").length + (dialect.link === null ? span.tail.length : 0);
    let rest = span.text;
    while (rest !== "" || span.tail !== "") {
      const fit = fitting(rest, dialect, room - used - extra);
      const isWhole = fit.end === rest.length && room - used - extra >= 0;
      const end = isWhole ? fit.end : cutAt(rest, fit.end, used === 0);
      if (end > 0 || isWhole) {
        current.push({ ...span, text: rest.slice(0, end), tail: isWhole ? span.tail : "" });
        used += extra + (isWhole ? fit.cost : 0);
      }
      if (isWhole) break;
      rest = rest.slice(end);
      current = [];
      used = 0;
      pieces.push(current);
    }
  }
  return pieces.filter((piece) => piece.length > 0);
}

/** How much of a text fits, and what that costs. */
function fitting(text: string, dialect: Dialect, room: number): { readonly end: number; readonly cost: number } {
  let cost = 0;
  let end = 0;
  for (; end < text.length; end++) {
    const next = dialect.escapes[text[end] ?? ""]?.length ?? 1;
    if (cost + next > room) break;
    cost += next;
  }
  return { end, cost };
}

/** Behind the last space that fits; in a longer word between two characters if it `must` be cut, else 0. */
function cutAt(text: string, most: number, must: boolean): number {
  for (let at = most; at > 0; at--) {
    if (/\s/.test(text[at] ?? "") || /\s/.test(text[at - 1] ?? "")) return at;
  }
  if (!must) return 0;
  const from = Math.max(0, most - CHARACTER_REACH);
  const start = from + (isLowSurrogate(text, from) ? 1 : 0);
  const near = text.slice(start, most + CHARACTER_REACH);
  const whole = start + (new Intl.Segmenter().segment(near).containing(most - start)?.index ?? 0);
  if (whole > start) return whole;
  return Math.max(1, most - (isLowSurrogate(text, most) ? 1 : 0));
}

function isLowSurrogate(text: string, at: number): boolean {
  return /[\udc00-\udfff]/.test(text[at] ?? "");
}

function wordsOf(line: readonly Span[]): string {
  return line.map((span) => span.text).join("");
}

function headOf(line: readonly Span[], length: number): Span[] {
  let left = length;
  return line.flatMap((span) => {
    const text = span.text.slice(0, Math.max(0, left));
    left -= span.text.length;
    return text === "" ? [] : [{ ...span, text, tail: left < 0 ? "" : span.tail }];
  });
}

function pack(blocks: Iterable<readonly Row[]>, dialect: Dialect, limit: number, most = Infinity): Part[] {
  const parts: Part[] = [];
  let rows: Row[] = [];
  let used = 0;
  const flush = (): void => {
    if (rows.length > 0) parts.push(joined(rows, dialect));
    rows = [];
    used = 0;
  };
  for (const block of blocks) {
    if (parts.length > most) break;
    const more = costOf(block, rows.at(-1), dialect);
    if (used + more > limit && (more <= limit || used > limit / 2)) {
      const title = titleAtEnd(rows);
      rows = rows.slice(0, rows.length - title.length);
      flush();
      rows = [...title];
      used = costOf(rows, undefined, dialect);
    }
    for (const row of block) {
      if (used + costOf([row], rows.at(-1), dialect) > limit) flush();
      used += costOf([row], rows.at(-1), dialect);
      rows.push(row);
    }
  }
  flush();
  return parts;
}

/** A heading goes with what it is the heading of. */
function titleAtEnd(rows: readonly Row[]): readonly Row[] {
  const at = rows.findLastIndex((row) => !row.isHeading);
  return at < 0 ? [] : rows.slice(at + 1);
}

/** What these rows add to a part that ends with `last`. */
function costOf(rows: readonly Row[], last: Row | undefined, dialect: Dialect): number {
  let sum = 0;
  let before = last;
  for (const row of rows) {
    const isSame = before !== undefined && before.frame === row.frame;
    const around = isSame ? 0 : frameOf(row.frame, dialect).around.join("").length;
    sum += row.text.length + around + (before === undefined ? 0 : row.gap);
    before = row;
  }
  return sum;
}

function joined(rows: readonly Row[], dialect: Dialect): Part {
  let text = "";
  let plain = "";
  let before: Row | undefined;
  for (const row of rows) {
    const gap = before === undefined ? "" : "\n".repeat(row.gap);
    const isSame = before !== undefined && before.frame === row.frame;
    const close = isSame || before === undefined ? "" : frameOf(before.frame, dialect).around[1];
    const open = isSame ? "" : frameOf(row.frame, dialect).around[0];
    text += close + gap + open + row.text;
    plain += gap + row.plain;
    before = row;
  }
  return { text: text + frameOf(before?.frame ?? null, dialect).around[1], plain };
}
