import { describe, expect, test } from "bun:test";
import { contains, ownNetworks, parseAddress, parseNetwork, refusalOf } from "../../../src/sandboxd/egress/address.ts";

const refusal = (text: string): string | null => {
  const address = parseAddress(text);
  return address === null ? "no address" : refusalOf(address, []);
};

describe("an address", () => {
  test.each([
    "127.1",
    "127.0.0.01",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "2130706433",
    "256.1.1.1",
    "1.2.3.4.",
    "1.2.3",
    " 1.2.3.4",
    "1.2.3.4\n",
    "fe80::1%eth0",
    "::ffff:1.2.3",
    "[::1]",
    "1::2::3",
    "",
  ])("is not %j: there is one way to write it", (text) => expect(parseAddress(text)).toBeNull());

  test.each([
    ["0.0.0.0", 0n],
    ["1.2.3.4", 0x01020304n],
    ["::", 0n],
    ["::1", 1n],
    ["2606:4700::1111", 0x26064700000000000000000000001111n],
    ["1:2:3:4:5:6:7:8", 0x00010002000300040005000600070008n],
    ["::ffff:1.2.3.4", 0xffff01020304n],
    ["64:ff9b::10.0.0.1", 0x0064ff9b00000000000000000a000001n],
  ])("%s is a number", (text, value) => expect(parseAddress(text)?.value).toBe(value));
});

describe("never reached, whatever the rules say:", () => {
  test.each([
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "4000::1",
    "1fff::1",
    "5f00::1",
  ])("%s", (text) => expect(refusal(text)).toBeString());

  test.each(["93.184.216.34", "1.1.1.1", "9.255.255.255", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1"])(
    "but %s is",
    (text) => expect(refusal(text)).toBeNull(),
  );
  test.each(["2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "2003::1"])("and %s is", (text) =>
    expect(refusal(text)).toBeNull(),
  );

  test("the machine's own addresses, and the IPv6 household around them", () => {
    const own = ownNetworks({
      eth0: [
        { address: "5.9.1.2", cidr: "5.9.1.2/26" },
        { address: "2a01:4f8:1:2::3", cidr: "2a01:4f8:1:2::3/64" },
      ],
    });
    const isOwn = (text: string): boolean => {
      const parsed = parseAddress(text);
      return parsed !== null && refusalOf(parsed, own) === "an address of this machine or its network";
    };
    expect(["5.9.1.2", "5.9.1.60", "2a01:4f8:1:2::3", "2a01:4f8:1:2::99", "2a01:4f8:1:ff::1"].map(isOwn)).toEqual(
      Array(5).fill(true),
    );
    expect(["5.9.1.64", "2a01:4f8:1:100::1", "1.1.1.1"].map(isOwn)).toEqual(Array(3).fill(false));
  });

  test("the real addresses of this machine are among them", () => {
    const loopback = parseAddress("127.0.0.1");
    expect(loopback !== null && ownNetworks().some((network) => contains(network, loopback))).toBe(true);
  });
});

describe("a network", () => {
  test.each(["1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8/8", "::/129", "1.2.3/8", "1.2.3.4/", "1.2.3.4/x"])(
    "is not %s",
    (text) => expect(parseNetwork(text)).toBeNull(),
  );

  test("contains by its first bits, and only its own family", () => {
    const within = (network: string, address: string): boolean => {
      const [one, other] = [parseNetwork(network), parseAddress(address)];
      return one !== null && other !== null && contains(one, other);
    };
    expect(within("8.8.8.9/24", "8.8.8.255")).toBe(true);
    expect(within("8.8.8.9/24", "8.8.9.0")).toBe(false);
    expect(within("8.8.8.8", "8.8.8.8")).toBe(true);
    expect(within("0.0.0.0/0", "255.1.1.1")).toBe(true);
    expect(within("0.0.0.0/0", "2606::1")).toBe(false);
    expect(within("2606::/16", "2606:ffff::1")).toBe(true);
  });
});
