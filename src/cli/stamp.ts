// A moment in a file's name.

/** `20261122-203005`, by the clock on the wall. */
export function stampOf(now: Date): string {
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

const two = (value: number): string => String(value).padStart(2, "0");
