// A reply as what a channel can say of it. Pure: it goes by the capabilities alone, and what does not fit is named with a
// link to the dashboard, never dropped in silence.
import type { Button, Capabilities } from "./channels/channel.ts";
import type { Operation } from "./channels/operation.ts";
import { closedMarkdown, literal } from "./markdown.ts";
import { leadOf, MIN_PART_LENGTH, toParts, type Part } from "./markup.ts";

export type ReplyFile = {
  readonly artifact: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Pixels, where they are known. */
  readonly width?: number;
  readonly height?: number;
};

export type Reply = {
  readonly markdown: string;
  readonly files: readonly ReplyFile[];
  readonly actions: readonly Button[];
  /** Offered as well where pictures go out as photos, which platforms make smaller. */
  readonly original?: Button;
  /** Where the conversation is on this machine. */
  readonly dashboard: string;
};

/** With no more of its text than can be said. */
type Bounded = Reply & { readonly isCut: boolean };

/** Files of one message. */
type Group = { readonly kind: "photo" | "album" | "document"; readonly files: readonly ReplyFile[] };

/** What is said, by the messages that it takes. */
type Draft = {
  readonly pictures: readonly Group[];
  readonly documents: readonly Group[];
  readonly caption: Part;
  readonly texts: readonly Part[];
};

/** What does not fit, and what is asked in words. */
type Remainder = {
  readonly files: readonly ReplyFile[];
  readonly isTextCut: boolean;
  readonly areActionsWritten: boolean;
};

/** Telegram's limits of a photo; a picture beyond them is better opened as a file on any platform. */
const MAX_PHOTO_SIDES = 10_000;
const MAX_PHOTO_RATIO = 20;
/** Never pictures, whatever a platform says: they are programs. */
const PROGRAMS = new Set(["image/svg+xml", "text/html", "application/xhtml+xml"]);
const MAX_NAME_LENGTH = 60;
/** Names in one line; more are counted. */
const MAX_NAMES = 3;
/** So many times what its messages hold is read of a text: markup may take more room than what it shows. */
const READ_SHARE = 2;
const NOTHING: Part = { text: "", plain: "" };
const QUESTION: Part = { text: "What next?", plain: "What next?" };

/**
 * In the order in which they are to be said: pictures, the text, other files. The text is the caption of the pictures if
 * it fits; else they carry its beginning. Nothing to say, no operation.
 */
export function render(whole: Reply, can: Capabilities): Operation[] {
  const reply = bounded(withOriginal(whole, can), can);
  const operations = fitted(reply, can, false);
  const buttons = buttonsOf(reply, can);
  if (buttons.length === 0) return operations;
  const at = operations.findLastIndex((operation) => canCarry(operation, can));
  if (at >= 0)
    return operations.map((one, index) => (index === at && one.kind !== "album" ? { ...one, buttons } : one));
  if (operations.length < mostOf(can)) return [...operations, { kind: "text", ...QUESTION, buttons }];
  return fitted(reply, can, true);
}

/** Whoever writes without end is not read to the end. */
function bounded(reply: Reply, can: Capabilities): Bounded {
  const most = READ_SHARE * mostOf(can) * can.textLength;
  if (reply.markdown.length <= most) return { ...reply, isCut: false };
  return { ...reply, markdown: reply.markdown.slice(0, most).replace(/[\ud800-\udbff]$/, ""), isCut: true };
}

/** Those that are said as photos. */
export function photosOf(files: readonly ReplyFile[], can: Capabilities): ReplyFile[] {
  return files.filter((file) => canSend(file, can) && isPhoto(file, can));
}

/** Where nothing can be pressed nobody is told of it. */
function withOriginal(reply: Reply, can: Capabilities): Reply {
  const { original, actions, files } = reply;
  if (original === undefined || can.buttons === null || photosOf(files, can).length === 0) return reply;
  return { ...reply, actions: [...actions, original] };
}

function mostOf(can: Capabilities): number {
  return Math.max(1, can.messagesPerJob);
}

function buttonsOf(reply: Reply, can: Capabilities): Button[] {
  if (can.buttons === null) return [];
  const { most, titleLength } = can.buttons;
  return reply.actions.slice(0, most).map(({ title, action }) => ({ title: shortened(title, titleLength), action }));
}

function canCarry(operation: Operation, can: Capabilities): boolean {
  if (operation.kind !== "text") return operation.kind !== "album";
  return operation.text.length <= (can.buttons?.textLength ?? can.textLength);
}

/** The operations without buttons, as many as a job may have. */
function fitted(reply: Bounded, can: Capabilities, areActionsWritten: boolean): Operation[] {
  const groups = groupsOf(reply, can);
  if (reply.isCut) return operationsOf(cutDraftOf(reply, can, groups, areActionsWritten));
  const most = mostOf(can);
  const whole = draftOf(reply, can, groups, { files: [], isTextCut: false, areActionsWritten });
  if (countOf(whole) <= most) return operationsOf(whole);
  const counts = [Math.min(most, groups.length), Math.min(most - 1, groups.length)];
  for (const kept of whole.texts.length > most ? [] : new Set(counts)) {
    // The only message is the picture, if there is one.
    if (kept === 0 && isCaptionAll(can, groups)) continue;
    const files = groups.slice(kept).flatMap((group) => group.files);
    const draft = draftOf(reply, can, groups.slice(0, kept), { files, isTextCut: false, areActionsWritten });
    if (countOf(draft) <= most) return operationsOf(draft);
  }
  return operationsOf(cutDraftOf(reply, can, groups, areActionsWritten));
}

function countOf({ pictures, documents, texts }: Draft): number {
  return pictures.length + documents.length + texts.length;
}

function draftOf(reply: Reply, can: Capabilities, groups: readonly Group[], left: Remainder): Draft {
  const [pictures, documents] = sorted(groups);
  const notes = notesOf(reply, can, left);
  const text = notes === "" ? reply.markdown : `${closedMarkdown(reply.markdown)}\n\n${notes}`;
  const texts = toParts(text, can.markup, can.textLength, mostOf(can));
  const whole = { pictures, documents, caption: NOTHING, texts };
  if (pictures.length === 0 || can.captionLength < MIN_PART_LENGTH) return whole;
  const isLong = texts.length > 1 && can.captionLength <= can.textLength;
  const [caption = NOTHING, ...more] = isLong ? texts : toParts(text, can.markup, can.captionLength, 1);
  if (more.length === 0) return { ...whole, caption, texts: [] };
  return { ...whole, caption: beginningOf(reply, can, can.captionLength) };
}

/** Even the text alone is too much: files first, then as much of it as there are messages for. */
function cutDraftOf(reply: Bounded, can: Capabilities, groups: readonly Group[], areActionsWritten: boolean): Draft {
  const most = mostOf(can);
  const kept = isCaptionAll(can, groups) ? 1 : Math.min(most - 1, groups.length);
  const [pictures, documents] = sorted(groups.slice(0, kept));
  const files = groups.slice(kept).flatMap((group) => group.files);
  const noteOf = (isTextCut: boolean, limit: number): Part => {
    const notes = notesOf(reply, can, { files, isTextCut, areActionsWritten });
    const [note = NOTHING, ...more] = toParts(notes, can.markup, limit);
    if (more.length === 0) return note;
    const brief = `The rest of this answer and ${filesText(reply.files.length)}: ${linkOf(reply.dashboard)}`;
    return toParts(brief, can.markup, limit)[0] ?? NOTHING;
  };
  if (isCaptionAll(can, groups)) {
    const note = noteOf(true, can.captionLength);
    const caption = joined(beginningOf(reply, can, roomBeside(note, can.captionLength)), note);
    return { pictures, documents, caption, texts: [] };
  }
  const note = noteOf(true, can.textLength);
  const room = roomBeside(note, can.textLength);
  const parts = room < MIN_PART_LENGTH ? [] : toParts(reply.markdown, can.markup, room, most - kept);
  const isTextCut = reply.isCut || parts.length > most - kept || room < MIN_PART_LENGTH;
  const said = parts.slice(0, most - kept);
  const last = joined(said.at(-1) ?? NOTHING, isTextCut ? note : noteOf(false, can.textLength));
  const caption = pictures.length > 0 ? beginningOf(reply, can, can.captionLength) : NOTHING;
  return { pictures, documents, caption, texts: [...said.slice(0, -1), last] };
}

function isCaptionAll(can: Capabilities, groups: readonly Group[]): boolean {
  return mostOf(can) === 1 && sorted(groups)[0].length > 0 && can.captionLength >= 2 * MIN_PART_LENGTH;
}

function roomBeside({ text }: Part, limit: number): number {
  return limit - text.length - 2;
}

function beginningOf(reply: Reply, can: Capabilities, limit: number): Part {
  return limit < MIN_PART_LENGTH ? NOTHING : leadOf(reply.markdown, can.markup, limit);
}

function joined(one: Part, other: Part): Part {
  if (one.text === "") return other;
  return { text: `${one.text}\n\n${other.text}`, plain: `${one.plain}\n\n${other.plain}` };
}

function operationsOf({ pictures, documents, caption, texts }: Draft): Operation[] {
  return [
    ...pictures.map((group, at) => filesOperation(group, at === 0 ? caption : NOTHING)),
    ...texts.map((part): Operation => ({ kind: "text", ...part, buttons: [] })),
    ...documents.map((group) => filesOperation(group, NOTHING)),
  ];
}

function filesOperation({ kind, files }: Group, { text: caption, plain }: Part): Operation {
  const artifacts = files.map((file) => file.artifact);
  if (kind === "album") return { kind, artifacts, caption, plain };
  return { kind, artifact: artifacts[0] ?? "", caption, plain, buttons: [] };
}

/** Pictures first: as photos, then those that are sent as files; then everything else. */
function groupsOf(reply: Reply, can: Capabilities): Group[] {
  const files = reply.files.filter((file) => canSend(file, can));
  const photos = files.filter((file) => isPhoto(file, can));
  const others = files.filter((file) => !isPhoto(file, can));
  const albums = Array.from({ length: Math.ceil(photos.length / Math.max(1, can.albumSize)) }, (_, at): Group => {
    const some = photos.slice(at * Math.max(1, can.albumSize), (at + 1) * Math.max(1, can.albumSize));
    return { kind: some.length > 1 ? "album" : "photo", files: some };
  });
  const documents = [...others.filter(isPicture), ...others.filter((file) => !isPicture(file))];
  return [...albums, ...documents.map((file): Group => ({ kind: "document", files: [file] }))];
}

/** Those that words are about, and those that come after the words. */
function sorted(groups: readonly Group[]): readonly [pictures: readonly Group[], documents: readonly Group[]] {
  return [
    groups.filter((group) => group.files.some(isPicture)),
    groups.filter((group) => !group.files.some(isPicture)),
  ];
}

function canSend(file: ReplyFile, can: Capabilities): boolean {
  return file.bytes <= can.fileBytes && isTaken(file, can);
}

function isTaken(file: ReplyFile, can: Capabilities): boolean {
  return can.fileTypes?.has(mediaTypeOf(file)) ?? true;
}

function namesOf(files: readonly ReplyFile[]): string {
  const names = files.slice(0, MAX_NAMES).map(nameOf).join(", ");
  return files.length > MAX_NAMES ? `${names} …` : names;
}

function mediaTypeOf(file: ReplyFile): string {
  return (file.mediaType.split(";")[0] ?? "").trim().toLowerCase();
}

function isPicture(file: ReplyFile): boolean {
  return mediaTypeOf(file).startsWith("image/");
}

function isPhoto(file: ReplyFile, can: Capabilities): boolean {
  const type = mediaTypeOf(file);
  if (!can.photoTypes.includes(type) || PROGRAMS.has(type) || file.bytes > can.photoBytes) return false;
  const { width, height } = file;
  if (width === undefined || height === undefined) return true;
  return width + height <= MAX_PHOTO_SIDES && Math.max(width, height) <= MAX_PHOTO_RATIO * Math.min(width, height);
}

/** As Markdown; short, whatever the reply: each list is counted beyond its first names. */
function notesOf(reply: Reply, can: Capabilities, left: Remainder): string {
  const link = linkOf(reply.dashboard);
  const large = reply.files.filter((file) => file.bytes > can.fileBytes);
  const lines = large.slice(0, MAX_NAMES).map((file) => `${nameOf(file)} is too large to send here: ${link}`);
  if (large.length > MAX_NAMES)
    lines.push(`${filesText(large.length - MAX_NAMES, "more ")} too large as well: ${link}`);
  const foreign = reply.files.filter((file) => !isTaken(file, can) && file.bytes <= can.fileBytes);
  if (foreign.length > 0) lines.push(`Of a kind that cannot be sent here: ${namesOf(foreign)}: ${link}`);
  const missing = left.files.length === 0 ? "" : `${filesText(left.files.length)} (${namesOf(left.files)})`;
  if (left.isTextCut) lines.push(`The rest of this answer${missing === "" ? "" : ` and ${missing}`}: ${link}`);
  else if (missing !== "") lines.push(`Not sent here: ${missing}: ${link}`);
  const asked = left.areActionsWritten ? 0 : (can.buttons?.most ?? 0);
  const actions = reply.actions.slice(asked).map(({ title }, at) => `Reply ${asked + at + 1} for ${literal(title)}`);
  return [lines.join("\n"), actions.join("\n")].filter((some) => some !== "").join("\n\n");
}

function filesText(count: number, more = ""): string {
  return `${count} ${more}${count === 1 ? "file" : "files"}`;
}

function nameOf(file: ReplyFile): string {
  return literal(`${shortened(file.name, MAX_NAME_LENGTH)} (${bytesText(file.bytes)})`);
}

function linkOf(address: string): string {
  return /^https?:\/\/[^\s<>]+$/i.test(address) ? `<${address}>` : literal(address);
}

function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text.slice(0, length + 1))) {
    if (kept.length + segment.length > length - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] =
    bytes < 999_500 ? [bytes / 1e3, "kB"] : bytes < 999_500_000 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
