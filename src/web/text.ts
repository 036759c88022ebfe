// Words and numbers as people read them.

const INVISIBLE =
  /[\p{Cc}\u061C\u180E\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF\u{E0000}-\u{E007F}]/gu;

/** A name from outside with nothing hidden in it: control and direction characters are spelt out as ‹U+202E›. */
export function visible(name: string): string {
  return name.replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  // 999.5 would be shown as "1000 kB".
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Limits are set in MiB; shown rounded down, so that what is promised is accepted. */
export function limitText(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MB`;
}

export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The rest of a wait, counted up so that it never says 0. */
export function restText(ms: number): string {
  if (ms <= 60_000) return `${Math.max(1, Math.ceil(ms / 1_000))} s`;
  if (ms <= 3_600_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${Math.ceil(ms / 3_600_000)} h`;
}

/** A moment to come, in the reader's own way of writing time: "at 14:30", "on Thu, 24 Dec, 18:00". */
export function momentText(at: number, now: number): string {
  const time = { hour: "numeric", minute: "2-digit" } as const;
  const moment = new Date(at);
  if (startOfDay(at) === startOfDay(now)) return `at ${moment.toLocaleTimeString([], time)}`;
  return `on ${moment.toLocaleString([], { weekday: "short", day: "numeric", month: "short", ...time })}`;
}

export function costText(usd: number): string {
  return usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^image\//, "Image"],
  [/csv|tab-separated/, "Table"],
  [/spreadsheet|ms-excel/, "Spreadsheet"],
  [/pdf$/, "PDF"],
  [/html/, "Web page"],
  [/json/, "JSON"],
  [/zip|gzip|x-tar|7z/, "Archive"],
  [/parquet|arrow|sqlite/, "Data"],
  [/^audio\//, "Audio"],
  [/^video\//, "Video"],
  [/^text\//, "Text"],
];

export function kindText(mediaType: string): string {
  return KINDS.find(([pattern]) => pattern.test(mediaType))?.[1] ?? "File";
}

const DAY_MS = 86_400_000;

/** The heading under which something of `at` stands in a list, seen from `now`. */
export function dayText(at: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY_MS);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "Previous 7 days";
  return new Date(at).toLocaleDateString("en", { month: "long", year: "numeric" });
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
