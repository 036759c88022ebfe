// Whom a request of a room is for: `host:port` as a client writes it, taken apart strictly or not at all.
import { parseAddress, type Address } from "./address.ts";

export type Target = {
  /** In lower case, without the dot of the root and without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null for a name. */
  readonly address: Address | null;
};

const MAX_NAME = 253;

/** Answers with what is wrong, in words, when the text is not exactly one host and one port. */
export function parseTarget(text: string, defaultPort: number | null): Target | string {
  const found = /^(?:\[(?<v6>[^[\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>[0-9]{1,5}))?$/.exec(text);
  if (found === null) return "it is not a host and a port";
  const port = found.groups?.["port"] === undefined ? defaultPort : Number(found.groups["port"]);
  if (port === null) return "it names no port";
  if (port < 1 || port > 65_535) return "it has no such port";
  const v6 = found.groups?.["v6"];
  if (v6 !== undefined) {
    const address = parseAddress(v6);
    return address?.family === 6 ? { host: v6.toLowerCase(), port, address } : "it is no IPv6 address";
  }
  const name = parseName(found.groups?.["name"] ?? "");
  return typeof name === "string" ? name : { ...name, port };
}

/** A name of the DNS, or an IPv4 address in its one canonical form. */
function parseName(text: string): { readonly host: string; readonly address: Address | null } | string {
  const host = text.toLowerCase().replace(/\.$/, "");
  const address = parseAddress(host);
  if (address !== null) return text.endsWith(".") ? "an address has no dot at its end" : { host, address };
  if (!isName(host)) return "it is no host name";
  // Resolvers read 2130706433, 0x7f.1 and 127.1 as addresses.
  if (/(?:^|\.)(?:\d+|0x[\da-f]*)$/.test(host)) return "a number is no host name";
  return { host, address: null };
}

/** Letters, digits and hyphens, at least two labels: a single word would be looked up in the networks around the machine. */
export function isName(host: string): boolean {
  const labels = host.split(".");
  return (
    host.length <= MAX_NAME &&
    labels.length >= 2 &&
    labels.every((one) => /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(one))
  );
}
