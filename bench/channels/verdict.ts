// What people have on their phones in the end, against what they asked for.
import { isUnfinished, type Phone, type Platform, type Seen } from "./platform.ts";
import { answerTo, pictureOf } from "./task.ts";

export type Asked = { readonly name: string; readonly phone: Phone };

export type Verdict = {
  /** Sentences, one a task. */
  readonly lost: readonly string[];
  readonly duplicates: readonly string[];
  /** Messages that show only progress, and all of the bot's. */
  readonly orphans: readonly string[];
  readonly messages: number;
};

export function judge({ phones }: Platform, asked: readonly Asked[]): Verdict {
  const all = phones.map((phone) => ({ phone, seen: phone.seen() }));
  const counts = asked.map((one) => ({ ...one, ...countOf(one, all) }));
  const told = ({ name, phone, texts, pictures, strays }: (typeof counts)[number]): string =>
    `${name} of ${phone.id}: ${texts} texts, ${pictures} pictures, ${strays} of them elsewhere`;
  const orphans = all.flatMap(({ phone, seen }) =>
    seen.filter(isUnfinished).map(({ text }) => `${phone.id}: ${JSON.stringify(text)}`),
  );
  return {
    lost: counts.filter(({ texts, pictures, strays }) => Math.min(texts, pictures) - strays < 1).map(told),
    duplicates: counts.filter(({ texts, pictures }) => Math.max(texts, pictures) > 1).map(told),
    orphans,
    messages: all.reduce((sum, { seen }) => sum + seen.length, 0),
  };
}

type Shown = { readonly phone: Phone; readonly seen: readonly Seen[] };

/** `strays` are answers on somebody else's phone. */
function countOf({ name, phone }: Asked, all: readonly Shown[]) {
  const [answer, picture] = [answerTo(name), pictureOf(name)];
  const countIn = (some: readonly Shown[], isIt: (seen: Seen) => boolean): number =>
    some.reduce((sum, { seen }) => sum + seen.filter(isIt).length, 0);
  const isText = ({ text }: Seen) => text.includes(answer);
  const isPicture = ({ file }: Seen) => file !== null && Buffer.from(file).equals(picture);
  const others = all.filter((one) => one.phone !== phone);
  return {
    texts: countIn(all, isText),
    pictures: countIn(all, isPicture),
    strays: Math.max(countIn(others, isText), countIn(others, isPicture)),
  };
}
