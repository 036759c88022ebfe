// Links that say they lead elsewhere: people would believe the words and follow the address.

/** What the name of a host can have; nobody is deceived by more. */
const MAX_HOST_LENGTH = 253;

/** True for words in which an address of another place stands, or what looks like one. */
export function isDisguise(words: string, href: string): boolean {
  const target = hostOf(href.replace(/^mailto:(?:.*@)?/i, "https://"));
  // Browsers take the ideographic full stop for a dot.
  const plain = words
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .replaceAll("\u3002", ".");
  return hostsIn(plain).some((shown) => hostOf(`https://${shown}`) !== target);
}

/** Of each word what looks like a host before its path; a name before "@" is looked at, too. */
function hostsIn(words: string): string[] {
  const authorities = words.split(/\s+/).map((word) => word.replace(/^[^\p{L}\p{N}]*https?:\/\//iu, ""));
  const names = authorities.flatMap((word) => (word.split(/[/?#\\]/, 1)[0] ?? "").match(/[\p{L}\p{N}.-]+/gu) ?? []);
  return names.map(withoutEmptyLabels).filter(looksLikeHost);
}

function looksLikeHost(name: string): boolean {
  if (name.length > MAX_HOST_LENGTH) return false;
  return /^(?:\d{1,3}\.){3}\d{1,3}$/.test(name) || /\.(?:\p{L}{2,}|xn--[\w-]+)$/iu.test(name);
}

function hostOf(address: string): string {
  return withoutEmptyLabels(URL.parse(address)?.hostname ?? address).replace(/^www\./, "");
}

const withoutEmptyLabels = (name: string): string =>
  name
    .split(".")
    .filter((label) => label !== "")
    .join(".");
