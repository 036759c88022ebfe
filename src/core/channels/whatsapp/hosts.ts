// To whom the token may be shown, and which machines are asked for a file.
import { lookup } from "node:dns/promises";
import { BlockList, isIPv6 } from "node:net";

export type Lookup = (host: string) => Promise<readonly string[]>;

export const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

const META = /^(?:graph\.facebook\.com|lookaside\.fbsbx\.com|(?:[a-z0-9-]+\.)+whatsapp\.net)$/;

/** Private, loopback, link-local, shared, for tests, multicast; IPv4 in the clothes of IPv6 is checked as IPv4. */
const INSIDE = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  INSIDE.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::", 96],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  INSIDE.addSubnet(net, prefix, "ipv6");

/** Null: it may be asked, with the token. Else why not, in words that name no path. */
export async function objectionTo(url: URL, api: URL, resolve: Lookup): Promise<string | null> {
  if (url.origin === api.origin) return null;
  if (url.protocol !== "https:") return `${url.hostname} is not asked without encryption`;
  if (url.port !== "" || url.username !== "" || url.password !== "" || !META.test(url.hostname))
    return `${url.hostname} is not one of Meta's`;
  const addresses = await resolve(url.hostname).catch(() => []);
  if (addresses.length === 0) return `${url.hostname} is not known here`;
  return addresses.some(isInside) ? `${url.hostname} leads into a private network` : null;
}

export const isInside = (address: string): boolean => INSIDE.check(address, isIPv6(address) ? "ipv6" : "ipv4");

/** The machine itself. */
export const isLoopback = ({ hostname }: URL): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
