// What a sandbox may reach: E2B's network options, compiled once, and the one decision that is made with them.
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { contains, parseNetwork, refusalOf, type Address, type Network } from "./address.ts";
import { isName } from "./target.ts";

const Entries = z.array(z.string().max(300)).max(1_000).nullish();
const Transform = z.object({ headers: z.record(z.string(), z.string()).nullish() });
const Rule = z.object({ transform: Transform.nullish() });

/** The body of `PUT /sandboxes/:id/network`. It replaces all that was there. */
export const NetworkUpdate = z.object({
  allowOut: Entries,
  denyOut: Entries,
  rules: z.record(z.string(), z.array(Rule)).nullish(),
  egressProxy: z.unknown().optional(),
  allow_internet_access: z.boolean().nullish(),
});

/** `network` of a new sandbox. */
export const NetworkConfig = NetworkUpdate.omit({ allow_internet_access: true }).extend({
  allowPublicTraffic: z.boolean().nullish(),
  maskRequestHost: z.unknown().optional(),
  httpsPorts: z.unknown().optional(),
});
export type NetworkConfig = z.output<typeof NetworkConfig>;

type Entry<What> = { readonly what: What; readonly port: number | null; readonly text: string };
export type Headers = Readonly<Record<string, string>>;

export type Rules = {
  readonly allowedNames: readonly Entry<string>[];
  readonly allowedNetworks: readonly Entry<Network>[];
  readonly deniedNetworks: readonly Entry<Network>[];
  /** By exact name, or by `*.name`. */
  readonly headers: ReadonlyMap<string, Headers>;
  readonly isAllDenied: boolean;
};

export type Decision = { readonly allowed: boolean; readonly rule: string };

const ALL = "0.0.0.0/0";
const USUAL_PORTS = [80, 443];
/** Of one header rule, and of all rules together. */
const LIMITS = { hosts: 100, headers: 20, nameBytes: 256, valueBytes: 8_192 };

/** Throws AppError `bad_request` for what makes no sense, `unsupported` for what is not done here. */
export function compileRules(config: NetworkConfig, hasInternet: boolean): Rules {
  refuseUnsupported(config);
  const denied = [...(config.denyOut ?? []), ...(hasInternet ? [] : [ALL])];
  const isAllDenied = denied.includes(ALL);
  const allowed = (config.allowOut ?? []).map(parseAllowed);
  const allowedNames = allowed.flatMap(({ name }) => name ?? []);
  if (allowedNames.length > 0 && !isAllDenied)
    throw bad(`allowOut names hosts, which has a meaning only if denyOut contains "${ALL}" (all traffic).`);
  return {
    allowedNames,
    allowedNetworks: allowed.flatMap(({ network }) => network ?? []),
    deniedNetworks: denied.map(parseDenied),
    headers: new Map(Object.entries(config.rules ?? {}).map(([host, rules]) => parseHeaders(host, rules))),
    isAllDenied,
  };
}

/** Pure. Allowing wins over denying, and what no rule names is allowed; ports but 80 and 443 must be named by a rule. */
export function decide(rules: Rules, host: string, address: Address, port: number): Decision {
  const allowing = allowingEntry(rules, host, address, port);
  if (allowing !== undefined) return { allowed: true, rule: `allowOut ${allowing}` };
  if (!USUAL_PORTS.includes(port)) return { allowed: false, rule: `port ${port}` };
  const denying = rules.deniedNetworks.find(({ what, text }) => text === ALL || contains(what, address));
  return denying === undefined
    ? { allowed: true, rule: "default" }
    : { allowed: false, rule: `denyOut ${denying.text}` };
}

/** False: no address could change the answer, so that the name need not be asked for, which would tell it to others. */
export function mayResolve(rules: Rules, host: string, port: number): boolean {
  if (rules.allowedNames.some((entry) => isPort(entry, port) && matches(host, entry.what))) return true;
  if (rules.allowedNetworks.some((entry) => isPort(entry, port))) return true;
  return !rules.isAllDenied && USUAL_PORTS.includes(port);
}

/** Nothing at all can be reached. */
export function isClosed(rules: Rules): boolean {
  return rules.isAllDenied && rules.allowedNames.length === 0 && rules.allowedNetworks.length === 0;
}

/** The exact name first, then the longest wildcard; sets are never mixed. */
export function headersFor(rules: Rules, host: string): Headers | undefined {
  const wildcards = host.split(".").map((_label, index, labels) => `*.${labels.slice(index + 1).join(".")}`);
  return [host, ...wildcards].map((key) => rules.headers.get(key)).find((headers) => headers !== undefined);
}

function allowingEntry(rules: Rules, host: string, address: Address, port: number): string | undefined {
  const name = rules.allowedNames.find((entry) => isPort(entry, port) && matches(host, entry.what));
  const network = rules.allowedNetworks.find(
    (entry) => isPort(entry, port) && (isAll(entry.text) || contains(entry.what, address)),
  );
  return name?.text ?? network?.text;
}

function isPort(entry: Entry<unknown>, port: number): boolean {
  return entry.port === null ? USUAL_PORTS.includes(port) : entry.port === port;
}

function isAll(text: string): boolean {
  return text === ALL || text.startsWith(`${ALL}:`);
}

/** `*` is every name; `*.example.com` every name below it, but not example.com itself. An address is no name. */
function matches(host: string, pattern: string): boolean {
  if (!isName(host) || /\.\d+$/.test(host)) return false;
  return pattern === "*" || host === pattern || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)));
}

function parseAllowed(text: string): { readonly name?: Entry<string>; readonly network?: Entry<Network> } {
  const withPort = /^(?<what>[^:]+|\[[^\]]+\](?:\/\d+)?):(?<port>\d{1,5})$/.exec(text)?.groups;
  const bare = (withPort?.["what"] ?? text).replace(/^\[([^\]]+)\]/, "$1");
  const port = withPort?.["port"] === undefined ? null : Number(withPort["port"]);
  if (port !== null && (port < 1 || port > 65_535)) throw bad(`allowOut "${text}" has no such port.`);
  const network = parseNetwork(bare);
  if (network !== null) {
    if (bare !== ALL && isNeverReached(network)) throw bad(`allowOut "${text}" can never be reached from a sandbox.`);
    return { network: { what: network, port, text } };
  }
  const name = bare.toLowerCase().replace(/\.$/, "");
  if (name !== "*" && !isPattern(name)) throw bad(`allowOut "${text}" is no address, no network and no host name.`);
  return { name: { what: name, port, text } };
}

function isNeverReached(network: Network): boolean {
  const size = BigInt((network.family === 4 ? 32 : 128) - network.prefix);
  const first = (network.value >> size) << size;
  const last = first | ((1n << size) - 1n);
  return (
    [first, last].every((value) => refusalOf({ family: network.family, value }, []) !== null) && network.prefix > 0
  );
}

function parseDenied(text: string): Entry<Network> {
  const what = parseNetwork(text);
  if (what === null) throw bad(`denyOut "${text}" is no address and no network; hosts can only be allowed by name.`);
  return { what, port: null, text };
}

function isPattern(name: string): boolean {
  return isName(name.replace(/^\*\./, "")) || /^\*\.[a-z\d-]{1,63}$/.test(name);
}

function parseHeaders(host: string, rules: readonly z.output<typeof Rule>[]): [string, Headers] {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (!isPattern(name) || parseNetwork(name) !== null) throw bad(`rules "${host}" is no host name.`);
  const headers = Object.fromEntries(rules.flatMap((rule) => Object.entries(rule.transform?.headers ?? {})));
  if (Object.keys(headers).length > LIMITS.headers)
    throw bad(`rules "${host}" has more than ${LIMITS.headers} headers.`);
  for (const [header, value] of Object.entries(headers)) checkHeader(host, header, value);
  return [name, headers];
}

/** What would change where a message ends, or to whom it goes, is not for a rule. */
const FRAMING = /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

function checkHeader(host: string, header: string, value: string): void {
  if (!/^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(header) || header.length > LIMITS.nameBytes || FRAMING.test(header))
    throw bad(`rules "${host}": the header "${header.slice(0, 64)}" cannot be set.`);
  if (!/^[\t\x20-\x7e]*$/.test(value) || value.length > LIMITS.valueBytes)
    throw bad(`rules "${host}": the value of the header "${header}" cannot be sent.`);
  if (/\$\{e2b\./.test(value))
    throw new AppError(
      "unsupported",
      `rules "${host}": this server has no E2B identities and secrets. Give the value itself.`,
    );
}

function refuseUnsupported(config: NetworkConfig): void {
  if (Object.keys(config.rules ?? {}).length > LIMITS.hosts) throw bad(`rules may name ${LIMITS.hosts} hosts.`);
  if (config.egressProxy != null) throw unsupported("egressProxy", "traffic leaves this machine directly");
  if (config.maskRequestHost != null) throw unsupported("maskRequestHost", "no port of a sandbox is published");
  if (config.httpsPorts != null) throw unsupported("httpsPorts", "no port of a sandbox is published");
}

function unsupported(option: string, why: string): AppError {
  return new AppError("unsupported", `The sandboxes of this machine have no network.${option}: ${why}.`);
}

function bad(message: string): AppError {
  return new AppError("bad_request", message);
}
