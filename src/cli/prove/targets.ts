// How one can ask for this machine without saying so: forms that are known from attacks on servers that fetch for others.

/** Forty ways to write loopback, this machine and the metadata services of clouds, as the host of an address. */
export function hostsOf(hostname: string, addresses: readonly string[]): string[] {
  const own = addresses.map((one) => (one.includes(":") ? `[${one.split("%")[0]}]` : one));
  return [...NAMES, ...NUMBERS, ...SIXES, ...DISGUISES, ...CLOUDS, hostname, ...own];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const NAMES = words(
  "localhost localhost. LOCALHOST localhost.localdomain ip6-localhost localtest.me 127.0.0.1.nip.io spoofed.burpcollaborator.net",
);
const NUMBERS = words(
  "127.0.0.1 127.1 127.0.1 127.127.127.127 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0 127.0.0.1. 00127.0.0.1",
);
const SIXES = words(
  "[::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [::ffff:0:127.0.0.1] [::1%25lo]",
);
const DISGUISES = [
  "user@127.0.0.1",
  "example.invalid:80@127.0.0.1",
  "127.0.0.1#@example.invalid",
  "example.invalid%00@127.0.0.1",
  "127\u30020\u30020\u30021",
  "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
];
const CLOUDS = words("169.254.169.254 metadata.google.internal 100.100.100.200 168.63.129.16 [fd00:ec2::254]");

/** Named requests, byte by byte. What has no Latin form is sent as the bytes of its UTF-8. */
export function requestsFor(method: "GET" | "CONNECT", hosts: readonly string[], port: number): [string, string][] {
  return hosts.map((host): [string, string] => {
    const target = Buffer.from(`${host}:${port}`, "utf8").toString("latin1");
    const line = method === "GET" ? `GET http://${target}/canary HTTP/1.1` : `CONNECT ${target} HTTP/1.1`;
    return [`${method} ${host}`, `${line}\r\nHost: ${target}\r\nConnection: close\r\n\r\n`];
  });
}

/** A proxy that believes one half of these and does the other is led astray. */
export function TRICKS(port: number): [string, string][] {
  const loop = `127.0.0.1:${port}`;
  const end = "\r\n\r\n";
  return [
    ["another Host", `GET http://example.invalid/ HTTP/1.1\r\nHost: ${loop}${end}`],
    ["two Hosts", `GET http://example.invalid/ HTTP/1.1\r\nHost: example.invalid\r\nHost: ${loop}${end}`],
    ["no absolute form", `GET / HTTP/1.1\r\nHost: ${loop}${end}`],
    ["a line end in the target", `CONNECT example.invalid:443\r\nHost: ${loop} HTTP/1.1${end}`],
    ["a NUL in the target", `CONNECT ${loop}\0.example.invalid:443 HTTP/1.1${end}`],
    ["a space in the target", `CONNECT ${loop} example.invalid:443 HTTP/1.1${end}`],
    ["a user in the target", `CONNECT example.invalid:443@${loop} HTTP/1.1${end}`],
    ["port 22", `CONNECT 127.0.0.1:22 HTTP/1.1${end}`],
    ["a port that is none", `CONNECT 127.0.0.1:${port + 65_536} HTTP/1.1${end}`],
    ["another scheme", `GET gopher://${loop}/ HTTP/1.1\r\nHost: ${loop}${end}`],
    ["a file", `GET file:///etc/passwd HTTP/1.1\r\nHost: x${end}`],
    [
      "two lengths",
      `POST http://example.invalid/ HTTP/1.1\r\nHost: example.invalid\r\nContent-Length: 0\r\nContent-Length: 90\r\n\r\nGET http://${loop}/ HTTP/1.1\r\nHost: ${loop}${end}`,
    ],
    [
      "a length and chunks",
      `POST http://example.invalid/ HTTP/1.1\r\nHost: example.invalid\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://${loop}/ HTTP/1.1\r\nHost: ${loop}${end}`,
    ],
    ["a folded header", `GET http://example.invalid/ HTTP/1.1\r\nHost: example.invalid\r\n ${loop}${end}`],
    ["bare line feeds", `GET http://${loop}/ HTTP/1.1\nHost: ${loop}\n\n`],
    ["an old protocol", `GET http://${loop}/ HTTP/0.9${end}`],
    ["a newer one", `PRI * HTTP/2.0\r\n\r\nSM${end}`],
    [
      "a word for it",
      `CONNECT localhost:${port} HTTP/1.1\r\nX-Forwarded-Host: example.invalid\r\nForwarded: host=example.invalid${end}`,
    ],
  ];
}
