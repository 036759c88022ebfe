// Every way to make the proxy turn around and knock at this machine: a canary stands behind each address, and hears nothing.
import { describe, expect, test } from "bun:test";
import { parseAddress, refusalOf, type Network } from "../../../src/sandboxd/egress/address.ts";
import { listenRaw, openOutside, PUBLIC, say } from "./outside.ts";

/** As if this machine had a public address. */
const OWN: readonly Network[] = ["45.9.1.7"].flatMap((text) => {
  const address = parseAddress(text);
  return address === null ? [] : [{ ...address, prefix: 26 }];
});

const NAMES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "public.example": [[PUBLIC]],
  "loop.example": [["127.0.0.1"]],
  "loop6.example": [["::1"]],
  "mapped.example": [["::ffff:127.0.0.1"]],
  "mixed.example": [[PUBLIC, "127.0.0.1"]],
  "mixed6.example": [[PUBLIC, "fd00::1"]],
  "metadata.example": [["169.254.169.254"]],
  "azure.example": [["168.63.129.16"]],
  "nat64.example": [["64:ff9b::7f00:1"]],
  "sixtofour.example": [["2002:7f00:1::1"]],
  "zone.example": [["fe80::1%eth0"]],
  "own.example": [["45.9.1.7"]],
  "neighbour.example": [["45.9.1.8"]],
  "odd.example": [["0x7f.1"]],
  "none.example": [[]],
  "127.0.0.1.nip.example": [["127.0.0.1"]],
};

const connectForm = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
const absoluteForm = (authority: string, host = authority): string =>
  `GET http://${authority}/latest/meta-data/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

const AUTHORITIES = [
  "127.0.0.1:80",
  "127.0.0.1:443",
  "127.1.2.3:80",
  "0.0.0.0:80",
  "0:80",
  "localhost:80",
  "localhost.:80",
  "sub.localhost.localdomain:80",
  "127.1:80",
  "127.0.1:80",
  "2130706433:80",
  "017700000001:80",
  "0x7f000001:80",
  "0x7f.0.0.1:80",
  "0177.0.0.1:80",
  "127.0.0.1.:80",
  "[::1]:80",
  "[::]:80",
  "[0:0:0:0:0:0:0:1]:80",
  "[::ffff:127.0.0.1]:80",
  "[::ffff:7f00:1]:80",
  "[::127.0.0.1]:80",
  "[64:ff9b::127.0.0.1]:80",
  "[2002:7f00:1::]:80",
  "[2001:0:7f00:1::]:80",
  "[fe80::1%25lo]:80",
  "[fe80::1]:80",
  "[fd00:ec2::254]:80",
  "[ff02::1]:80",
  "10.0.0.1:80",
  "172.17.0.1:80",
  "192.168.0.1:80",
  "100.100.100.200:80",
  "169.254.169.254:80",
  "168.63.129.16:80",
  "224.0.0.1:80",
  "255.255.255.255:80",
  "45.9.1.7:80",
  "45.9.1.8:443",
  "public.example:22",
  "public.example:8080",
  "public.example@127.0.0.1:80",
  "127.0.0.1\\@public.example:80",
  "127.0.0.1#public.example:80",
  "127.0.0.1%00.public.example:80",
  ...Object.keys(NAMES)
    .filter((name) => name !== "public.example")
    .map((name) => `${name}:80`),
];

const RAW = [
  // What one reader takes for the host, and another for something else.
  "CONNECT 127.0.0.1\0.public.example:443 HTTP/1.1\r\nHost: public.example:443\r\n\r\n",
  "CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: public.example:443\r\n\r\n",
  "GET http://127.0.0.1/ HTTP/1.1\r\nHost: public.example\r\n\r\n",
  "GET http://localhost/ HTTP/1.1\r\nHost: public.example\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET //127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET file:///etc/passwd HTTP/1.1\r\nHost: public.example\r\n\r\n",
  "GET ftp://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET https://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET http:/127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET http://public.example:80@127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
  "GET http://[::1]:80/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
  "GET gopher://127.0.0.1:6379/_SET HTTP/1.1\r\nHost: 127.0.0.1:6379\r\n\r\n",
];

describe("a request that points inward", () => {
  const requests = [...AUTHORITIES.flatMap((one) => [connectForm(one), absoluteForm(one)]), ...RAW];
  test.each(requests.map((request) => [JSON.stringify(request.split("\r\n")[0]), request]))(
    "%s is not made",
    async (_name, request) => {
      await using canary = await listenRaw((socket) =>
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary"),
      );
      await using outside = await openOutside({
        names: NAMES,
        everywhere: canary.port,
        isRefused: (address) => refusalOf(address, OWN),
      });
      const answer = await say(outside.port, request);
      expect(answer).toMatch(/^HTTP\/1\.1 (?:400|403|502) /);
      expect(answer).not.toContain("canary");
      expect(outside.dialled).toEqual([]);
      expect(canary.connections()).toBe(0);
    },
  );

  test("the canary does answer where it may be asked: it is the checks that keep it silent", async () => {
    await using canary = await listenRaw((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary"));
    await using outside = await openOutside({ names: NAMES, everywhere: canary.port });
    expect(await say(outside.port, absoluteForm("public.example"))).toContain("canary");
    expect(canary.connections()).toBe(1);
  });
});

describe("a name that changes its address", () => {
  test("is dialled at the address that was checked, and looked up once", async () => {
    await using place = await listenRaw((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"));
    await using canary = await listenRaw((socket) => socket.end("canary"));
    await using outside = await openOutside({
      names: { "rebind.example": [[PUBLIC], ["127.0.0.1"]] },
      places: { [`${PUBLIC}:80`]: place.port },
      everywhere: canary.port,
    });
    expect(await say(outside.port, absoluteForm("rebind.example"))).toContain("good");
    expect(outside.resolved).toEqual(["rebind.example"]);
    expect(outside.dialled).toEqual([`${PUBLIC}:80`]);
    expect(await say(outside.port, absoluteForm("rebind.example"))).toMatch(/^HTTP\/1\.1 403 /);
    expect(canary.connections()).toBe(0);
  });

  test("is tried at its next address when the first does not answer", async () => {
    await using place = await listenRaw((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"));
    await using outside = await openOutside({
      names: { "two.example": [["1.1.1.1", PUBLIC]] },
      places: { [`${PUBLIC}:80`]: place.port },
    });
    expect(await say(outside.port, absoluteForm("two.example"))).toContain("good");
    expect(outside.dialled).toEqual(["1.1.1.1:80", `${PUBLIC}:80`]);
  });

  test("or when the first says nothing at all", async () => {
    const dialled: string[] = [];
    await using outside = await openOutside({
      names: { "two.example": [["1.1.1.1", PUBLIC]] },
      limits: { attemptMs: 5 },
      dial: async (address, _port, signal) => {
        dialled.push(address);
        return await new Promise((_resolve, reject) => {
          if (address === PUBLIC) reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
          signal.addEventListener("abort", () => reject(new Error("too long")));
        });
      },
    });
    expect(await say(outside.port, absoluteForm("two.example"))).toMatch(/^HTTP\/1\.1 502 .*ECONNREFUSED/s);
    expect(dialled).toEqual(["1.1.1.1", PUBLIC]);
  });

  test("and a redirect inward is the client's own next request, which is refused", async () => {
    await using place = await listenRaw((socket) =>
      socket.end("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
    );
    await using outside = await openOutside({ names: NAMES, places: { [`${PUBLIC}:80`]: place.port } });
    const first = await say(outside.port, absoluteForm("public.example"));
    const location = /Location: http:\/\/([^/]*)/.exec(first)?.[1] ?? "";
    expect(await say(outside.port, absoluteForm(location))).toMatch(/^HTTP\/1\.1 403 /);
    expect(outside.dialled).toEqual([`${PUBLIC}:80`]);
  });
});
