// Addresses of the internet protocol as numbers, and those that nobody in a room ever reaches, whatever its rules say.
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

export type Address = { readonly family: 4 | 6; readonly value: bigint };

/** A network in the notation of CIDR: the first `prefix` bits count. */
export type Network = Address & { readonly prefix: number };

/** What the operating system tells of them. */
type Interfaces = {
  readonly [name: string]: readonly { readonly address: string; readonly cidr: string | null }[] | undefined;
};

const BITS = { 4: 32, 6: 128 } as const;

/** Only the one canonical way to write an IPv4 address, and IPv6 without a zone; null for everything else. */
export function parseAddress(text: string): Address | null {
  const v4 = parseV4(text);
  if (v4 !== null) return { family: 4, value: v4 };
  if (text.includes("%") || !isIPv6(text)) return null;
  return { family: 6, value: parseV6(text) };
}

/** An address alone is a network of one. */
export function parseNetwork(text: string): Network | null {
  const [base = "", bits, ...more] = text.split("/");
  const address = parseAddress(base);
  if (address === null || more.length > 0) return null;
  const prefix = bits === undefined ? BITS[address.family] : Number(/^\d{1,3}$/.test(bits) ? bits : Number.NaN);
  return prefix >= 0 && prefix <= BITS[address.family] ? { ...address, prefix } : null;
}

export function contains(network: Network, address: Address): boolean {
  if (network.family !== address.family) return false;
  const rest = BigInt(BITS[network.family] - network.prefix);
  return network.value >> rest === address.value >> rest;
}

/** What is wrong with the address, in words, or null when it is one of the public internet's. */
export function refusalOf(address: Address, own: readonly Network[]): string | null {
  const found = REFUSED.find(({ network }) => contains(network, address));
  if (found !== undefined) return found.what;
  if (address.family === 6 && address.value >> 125n !== 1n) return "not an address of the public internet";
  return own.some((network) => contains(network, address)) ? "an address of this machine or its network" : null;
}

/** The machine's own addresses, with the networks around them that a router treats as its household. */
export function ownNetworks(interfaces: Interfaces = networkInterfaces()): Network[] {
  return Object.values(interfaces).flatMap((entries) =>
    (entries ?? []).flatMap(({ address, cidr }) => {
      const parsed = parseAddress(address);
      if (parsed === null) return [];
      const onLink = Number(cidr?.split("/")[1] ?? BITS[parsed.family]);
      // Neighbours have public IPv6 addresses, too; a household is given 56 bits of prefix.
      const prefix = parsed.family === 6 ? Math.min(onLink, 56) : Math.max(onLink, 16);
      return [{ ...parsed, prefix }];
    }),
  );
}

function parseV4(text: string): bigint | null {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith(".")) return null;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** Of a text that is known to be one. */
function parseV6(text: string): bigint {
  const tail = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  const v4 = tail === undefined ? 0n : (parseV4(tail) ?? 0n);
  const hex =
    tail === undefined
      ? text
      : `${text.slice(0, -tail.length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const [left = "", right] = hex.split("::");
  const [head, end] = [groupsOf(left), groupsOf(right ?? "")];
  const zeros = Array.from({ length: 8 - head.length - end.length }, () => "0");
  return [...head, ...zeros, ...end].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function groupsOf(part: string): string[] {
  return part.split(":").filter((group) => group !== "");
}

const LOOPBACK = "a loopback address";
const PRIVATE = "a private address";
const LINK = "a link-local address";
const METADATA = "a cloud's metadata service";
const RESERVED = "a reserved address";
const TUNNEL = "an address that stands for another one";

const REFUSED = (
  [
    ["169.254.169.254", METADATA],
    ["100.100.100.200", METADATA],
    // Azure's wire server has an address among the public ones.
    ["168.63.129.16", METADATA],
    ["fd00:ec2::/32", METADATA],
    ["0.0.0.0/8", "an unspecified address"],
    ["10.0.0.0/8", PRIVATE],
    ["100.64.0.0/10", "an address behind a carrier's translation"],
    ["127.0.0.0/8", LOOPBACK],
    ["169.254.0.0/16", LINK],
    ["172.16.0.0/12", PRIVATE],
    ["192.0.0.0/24", RESERVED],
    ["192.0.2.0/24", RESERVED],
    ["192.88.99.0/24", TUNNEL],
    ["192.168.0.0/16", PRIVATE],
    ["198.18.0.0/15", RESERVED],
    ["198.51.100.0/24", RESERVED],
    ["203.0.113.0/24", RESERVED],
    ["224.0.0.0/4", "a multicast address"],
    ["255.255.255.255", "the broadcast address"],
    ["240.0.0.0/4", RESERVED],
    ["::", "an unspecified address"],
    ["::1", LOOPBACK],
    ["::ffff:0:0/96", TUNNEL],
    ["::ffff:0:0:0/96", TUNNEL],
    ["::/96", TUNNEL],
    ["64:ff9b::/96", TUNNEL],
    ["64:ff9b:1::/48", TUNNEL],
    ["fc00::/7", PRIVATE],
    ["fe80::/10", LINK],
    ["fec0::/10", PRIVATE],
    ["ff00::/8", "a multicast address"],
    // Teredo, ORCHID and benchmarks among them.
    ["2001::/23", TUNNEL],
    ["2001:db8::/32", RESERVED],
    ["2002::/16", TUNNEL],
    ["3fff::/20", RESERVED],
  ] as const
).flatMap(([text, what]) => {
  const network = parseNetwork(text);
  return network === null ? [] : [{ network, what }];
});
