// Markdown to blocks of lines for chat platforms: a small reader of our own instead of marked. marked's time grows with the
// square of long paragraphs, tables and nested lists (minutes for 1 MB), and core must answer everybody else meanwhile.
import { plainSpan, readInline, type Span } from "./inline.ts";

/** What stands around whole lines. */
export type Frame =
  { readonly kind: "pre"; readonly language: string; readonly fence: string } | { readonly kind: "quote" };

export type Block = {
  readonly kind: "paragraph" | "heading" | "list" | "code" | "table" | "rule";
  readonly frame: Frame | null;
  readonly lines: readonly (readonly Span[])[];
  /** The same as it was written, without the fence of code. */
  readonly raw: readonly string[];
  /** Code whose fence is never closed. */
  readonly isOpen?: boolean;
};

type Cursor = { readonly lines: readonly string[]; at: number };

const FENCE = /^([ \t]*)(`{3,16}(?!`)|~{3,16}(?!~))([^`]*)$/;
const HEADING = /^ {0,3}#{1,6}(?:[ \t]|$)/;
const QUOTE = /^(?: {0,3}> ?)+/;
const ITEM = /^([ \t]*)(?:[-*+]|(\d{1,9})[.)])(?:[ \t]+|$)/;
const DELIMITER = /^:?-+:?$/;
/** Wider tables are not aligned: nobody can read them on a phone, and padding would make much of little. */
const MAX_TABLE_WIDTH = 100;
const MAX_INDENTS = 8;

/** Never throws; linear in the length. */
export function readMarkdown(markdown: string): Block[] {
  return readBlocks(cleaned(markdown).split("\n"));
}

/** The text so that more Markdown can follow below: with the fence that it left open. */
export function closedMarkdown(markdown: string): string {
  const last = readMarkdown(markdown).at(-1);
  return last?.isOpen && last.frame?.kind === "pre" ? `${markdown}\n${last.frame.fence}` : markdown;
}

/** Markdown that shows exactly this text, on one line. */
export function literal(text: string): string {
  return cleaned(text)
    .replace(/\s+/g, " ")
    .replace(/[!-/:-@[-`{-~]/g, String.raw`\$&`);
}

/** No lone surrogates, no control characters but line breaks and tabs. */
export function cleaned(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll("\r", "\n")
    .replace(/[^\P{Cc}\t\n]/gu, " ");
}

function readBlocks(lines: readonly string[]): Block[] {
  const cursor: Cursor = { lines, at: 0 };
  const blocks: Block[] = [];
  while (cursor.at < lines.length) {
    if (lineAt(cursor).trim() === "") cursor.at += 1;
    else blocks.push(...readBlock(cursor));
  }
  return blocks;
}

function readBlock(cursor: Cursor): Block[] {
  const line = lineAt(cursor);
  if (FENCE.test(line)) return [readFence(cursor)];
  if (HEADING.test(line)) return [readHeading(cursor)];
  if (isRule(line)) return [block("rule", take(cursor, 1), [[plainSpan("———")]])];
  if (QUOTE.test(line)) return readQuote(cursor);
  if (isTable(cursor)) return [readTable(cursor)];
  if (ITEM.test(line)) return [readList(cursor)];
  return [readParagraph(cursor)];
}

function block(kind: Block["kind"], raw: readonly string[], lines: Block["lines"]): Block {
  return { kind, frame: null, lines, raw };
}

function lineAt(cursor: Cursor, ahead = 0): string {
  return cursor.lines[cursor.at + ahead] ?? "";
}

function take(cursor: Cursor, count: number): readonly string[] {
  cursor.at += count;
  return cursor.lines.slice(cursor.at - count, cursor.at);
}

function startsBlock(cursor: Cursor): boolean {
  const line = lineAt(cursor);
  return [FENCE, HEADING, QUOTE, ITEM].some((start) => start.test(line)) || isRule(line) || isTable(cursor);
}

function isRule(line: string): boolean {
  return /^ {0,3}[-*_]/.test(line) && /^(?:-{3,}|\*{3,}|_{3,})$/.test(line.replace(/[ \t]/g, ""));
}

function readFence(cursor: Cursor): Block {
  const [, indent = "", fence = "", info = ""] = FENCE.exec(lineAt(cursor)) ?? [];
  const words = info.trim();
  const isLanguage = /^[\w+#.-]{0,32}$/.test(words);
  const end = new RegExp(`^[ \\t]*[${fence[0]}]{${fence.length},}[ \\t]*$`);
  let size = 1;
  while (cursor.at + size < cursor.lines.length && !end.test(lineAt(cursor, size))) size += 1;
  const isOpen = cursor.at + size >= cursor.lines.length;
  const [, ...inside] = take(cursor, size);
  if (!isOpen) cursor.at += 1;
  const margin = new RegExp(`^[ \\t]{0,${indent.length}}`);
  // What is no language was meant to be read.
  const raw = [...(isLanguage ? [] : [words]), ...inside.map((line) => line.replace(margin, ""))];
  const frame: Frame = { kind: "pre", language: isLanguage ? words : "", fence };
  return { kind: "code", frame, lines: raw.map((line) => [plainSpan(line)]), raw, isOpen };
}

function readHeading(cursor: Cursor): Block {
  const raw = take(cursor, 1);
  const words = (raw[0] ?? "").trim().replace(/^#+/, "").trim();
  const spans = readInline(words.replace(/(?<![^ \t])#+$/, "").trimEnd());
  return block("heading", raw, inLines(spans.map((span) => ({ ...span, isBold: true }))));
}

/** Quotes in quotes are shown as one: platforms know no other. */
function readQuote(cursor: Cursor): Block[] {
  let size = 1;
  while (QUOTE.test(lineAt(cursor, size))) size += 1;
  const frame: Frame = { kind: "quote" };
  return readBlocks(take(cursor, size).map((line) => line.replace(QUOTE, ""))).map((inner) => ({
    ...inner,
    kind: inner.kind === "heading" ? "paragraph" : inner.kind,
    frame: inner.frame ?? frame,
    raw: inner.kind === "code" ? inner.raw : inner.raw.map((line) => `> ${line}`),
    // The end of a quote closes what is inside.
    isOpen: false,
  }));
}

function readParagraph(cursor: Cursor): Block {
  const start = cursor.at;
  do cursor.at += 1;
  while (lineAt(cursor).trim() !== "" && !startsBlock(cursor) && !isUnderline(cursor));
  const raw = cursor.lines.slice(start, cursor.at);
  const spans = readInline(raw.map((line) => line.trimEnd()).join("\n"));
  if (!isUnderline(cursor)) return block("paragraph", raw, inLines(spans));
  const underline = take(cursor, 1);
  return block("heading", [...raw, ...underline], inLines(spans.map((span) => ({ ...span, isBold: true }))));
}

function isUnderline(cursor: Cursor): boolean {
  return /^ {0,3}={3,}[ \t]*$/.test(lineAt(cursor));
}

function inLines(spans: readonly Span[]): Span[][] {
  let line: Span[] = [];
  const lines = [line];
  for (const span of spans) {
    const [first = "", ...others] = span.text.split("\n");
    const isLast = others.length === 0;
    line.push({ ...span, text: first, tail: isLast ? span.tail : "" });
    for (const [at, text] of others.entries()) {
      line = [{ ...span, text, tail: at === others.length - 1 ? span.tail : "" }];
      lines.push(line);
    }
  }
  return lines;
}

/** An item a line, whatever stands between them; what belongs to an item is set under it. */
function readList(cursor: Cursor): Block {
  const start = cursor.at;
  const lines: Span[][] = [];
  const indents: number[] = [];
  do {
    const item = ITEM.exec(lineAt(cursor));
    if (item === null) {
      lines.push(...indented(indents.length, take(cursor, 1).join("").trim(), ""));
      continue;
    }
    const width = (item[1] ?? "").replaceAll("\t", "    ").length;
    while ((indents.at(-1) ?? -1) > width) indents.pop();
    if (indents.at(-1) !== width) indents.push(width);
    const marker = item[2] === undefined ? "• " : `${item[2]}. `;
    const first = take(cursor, 1).join("").slice(item[0].length);
    const from = cursor.at;
    while (lineAt(cursor).trim() !== "" && !startsBlock(cursor)) cursor.at += 1;
    const words = [first, ...cursor.lines.slice(from, cursor.at)].map((line) => line.trim()).join("\n");
    lines.push(...indented(indents.length - 1, words, marker));
  } while (isListGoingOn(cursor));
  return block("list", cursor.lines.slice(start, cursor.at), lines);
}

/** Over blank lines too; then the cursor is behind them. */
function isListGoingOn(cursor: Cursor): boolean {
  let blank = 0;
  while (cursor.at + blank < cursor.lines.length && lineAt(cursor, blank).trim() === "") blank += 1;
  const line = lineAt(cursor, blank);
  if (isRule(line)) return false;
  const isInside = blank > 0 && /^(?: {2}|\t)/.test(line) && !startsBlock({ ...cursor, at: cursor.at + blank });
  if (!ITEM.test(line) && !isInside) return false;
  cursor.at += blank;
  return true;
}

function indented(depth: number, words: string, marker: string): Span[][] {
  const task = /^\[([ xX])\][ \t]/.exec(words);
  const box = task === null ? "" : task[1] === " " ? "☐ " : "☑ ";
  const indent = "  ".repeat(Math.min(depth, MAX_INDENTS));
  return inLines(readInline(words.slice(task?.[0].length ?? 0))).map((spans, at) => [
    plainSpan(at === 0 ? `${indent}${box === "" ? marker : box}` : indent + " ".repeat(marker.length)),
    ...spans,
  ]);
}

function isTable(cursor: Cursor): boolean {
  const below = lineAt(cursor, 1);
  if (!lineAt(cursor).includes("|") || !/^[ \t|:-]+$/.test(below)) return false;
  const columns = cellsOf(below);
  return columns.every((cell) => DELIMITER.test(cell)) && columns.length === cellsOf(lineAt(cursor)).length;
}

function cellsOf(line: string): string[] {
  const row = line.trim().replace(/^\|/, "");
  const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll(String.raw`\|`, "|"));
  return cells.length > 1 && cells.at(-1) === "" ? cells.slice(0, -1) : cells;
}

function readTable(cursor: Cursor): Block {
  let size = 2;
  while (lineAt(cursor, size).includes("|")) size += 1;
  const raw = take(cursor, size);
  const [head = [], delimiters = [], ...body] = raw.map(cellsOf);
  const rows = [head, ...body].map((cells) => cells.map(wordsOf));
  const widths = widthsOf(rows);
  const total = widths.reduce((sum, width) => sum + width + 2, 0);
  const texts =
    total > MAX_TABLE_WIDTH
      ? rows.map((cells) => cells.join(" | "))
      : rows.map((cells) => aligned(cells, widths, delimiters));
  if (total <= MAX_TABLE_WIDTH) texts.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  const frame: Frame = { kind: "pre", language: "", fence: "" };
  return { kind: "table", frame, lines: texts.map((text) => [plainSpan(text)]), raw };
}

function wordsOf(cell: string): string {
  return readInline(cell)
    .map((span) => span.text + span.tail)
    .join("")
    .replaceAll("\n", " ");
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at] ?? 0, Bun.stringWidth(cell));
  }
  return widths;
}

function aligned(cells: readonly string[], widths: readonly number[], delimiters: readonly string[]): string {
  const padded = cells.map((cell, at) => {
    const space = " ".repeat((widths[at] ?? 0) - Bun.stringWidth(cell));
    return delimiters[at]?.endsWith(":") && !delimiters[at].startsWith(":") ? space + cell : cell + space;
  });
  return padded.join("  ").trimEnd();
}
