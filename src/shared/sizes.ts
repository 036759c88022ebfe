// Sizes in words. Rounded down: what is left is never told as more than it is, and a limit never as more than is accepted.

export const mebibytes = (bytes: number): string => `${shown(bytes / 2 ** 20)} MiB`;
export const gibibytes = (bytes: number): string => `${shown(bytes / 2 ** 30)} GiB`;

/** Hundredths where they matter. */
function shown(size: number): string {
  const rounded = size < 10 ? Math.floor(size * 100) / 100 : Math.floor(size);
  return rounded.toLocaleString("en");
}
