import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../../src/sandboxd/egress/address.ts";
import {
  compileRules,
  decide,
  headersFor,
  isClosed,
  mayResolve,
  type NetworkConfig,
} from "../../../src/sandboxd/egress/rules.ts";
import { failureOf } from "../harness.ts";

const ALL = "0.0.0.0/0";

function allows(config: NetworkConfig, host: string, address = host, port = 443, hasInternet = true): boolean {
  const parsed = parseAddress(address);
  if (parsed === null) throw new Error(`${address} is no address`);
  return decide(compileRules(config, hasInternet), host, parsed, port).allowed;
}

const refused = async (config: NetworkConfig): Promise<string> =>
  await failureOf((async () => compileRules(config, true))());

describe("what E2B's options mean", () => {
  test("without any, everything that is public", () => {
    expect(allows({}, "example.com", "93.184.216.34")).toBe(true);
    expect(allows({}, "2606:4700::1111")).toBe(true);
  });

  test("what is denied is denied, and the rest is not", () => {
    expect(allows({ denyOut: ["8.8.8.8"] }, "8.8.8.8")).toBe(false);
    expect(allows({ denyOut: ["8.8.8.0/24"] }, "dns.example", "8.8.8.77")).toBe(false);
    expect(allows({ denyOut: ["8.8.8.8"] }, "1.1.1.1")).toBe(true);
  });

  test("all traffic is that of IPv6 as well", () => {
    expect(allows({ denyOut: [ALL] }, "1.1.1.1")).toBe(false);
    expect(allows({ denyOut: [ALL] }, "2606:4700::1111")).toBe(false);
    expect(allows({ denyOut: [ALL], allowOut: [ALL] }, "2606:4700::1111")).toBe(true);
  });

  test("allowing wins over denying", () => {
    const config = { denyOut: [ALL], allowOut: ["1.1.1.1", "8.8.8.0/24", "pypi.org", "*.example.com"] };
    expect(allows(config, "1.1.1.1")).toBe(true);
    expect(allows(config, "8.8.8.8")).toBe(true);
    expect(allows(config, "pypi.org", "151.101.0.223")).toBe(true);
    expect(allows(config, "a.b.example.com", "9.9.9.9")).toBe(true);
    expect(allows(config, "other.org", "9.9.9.9")).toBe(false);
    expect(allows({ denyOut: ["8.8.0.0/16"], allowOut: ["8.8.8.8"] }, "8.8.8.8")).toBe(true);
    expect(allows({ denyOut: ["8.8.8.8"], allowOut: ["8.8.0.0/16"] }, "8.8.8.8")).toBe(true);
  });

  test("no internet access is all traffic denied, so that what is allowed still is", () => {
    expect(allows({ allowOut: ["8.8.8.8"] }, "8.8.8.8", "8.8.8.8", 443, false)).toBe(true);
    expect(allows({ allowOut: ["8.8.8.8"] }, "1.1.1.1", "1.1.1.1", 443, false)).toBe(false);
    expect(isClosed(compileRules({}, false))).toBe(true);
    expect(isClosed(compileRules({ denyOut: [ALL] }, true))).toBe(true);
    expect(isClosed(compileRules({ allowOut: ["8.8.8.8"] }, false))).toBe(false);
  });

  test.each([
    ["example.com", "example.com", true],
    ["Example.COM", "example.com", true],
    ["example.com", "www.example.com", false],
    ["*.example.com", "example.com", false],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "a.b.example.com", true],
    ["*.example.com", "notexample.com", false],
    ["*.example.com", "example.com.evil.org", false],
    ["*", "anything.org", true],
    ["*", "9.9.9.9", false],
  ])("allowOut %s and %s: %p", (pattern, host, expected) => {
    expect(allows({ denyOut: [ALL], allowOut: [pattern] }, host, "9.9.9.9")).toBe(expected);
  });

  test("a port other than 80 and 443 must be named, and then it alone is", () => {
    const named = { denyOut: [ALL], allowOut: ["example.com:8443", "1.1.1.1:53", "[2606:4700::1111]:853"] };
    expect(allows({}, "example.com", "9.9.9.9", 22)).toBe(false);
    expect(allows({ allowOut: ["1.1.1.1"] }, "1.1.1.1", "1.1.1.1", 22)).toBe(false);
    expect(allows(named, "example.com", "9.9.9.9", 8443)).toBe(true);
    expect(allows(named, "example.com", "9.9.9.9", 443)).toBe(false);
    expect(allows(named, "1.1.1.1", "1.1.1.1", 53)).toBe(true);
    expect(allows(named, "2606:4700::1111", "2606:4700::1111", 853)).toBe(true);
  });

  test("a name that no rule could allow is not even looked up", () => {
    const rules = compileRules({ denyOut: [ALL], allowOut: ["*.example.com"] }, true);
    expect(mayResolve(rules, "www.example.com", 443)).toBe(true);
    expect(mayResolve(rules, "secret.evil.org", 443)).toBe(false);
    expect(mayResolve(rules, "www.example.com", 22)).toBe(false);
    expect(mayResolve(compileRules({ denyOut: [ALL], allowOut: ["8.8.8.8"] }, true), "dns.example", 443)).toBe(true);
    expect(mayResolve(compileRules({}, true), "example.org", 443)).toBe(true);
  });
});

describe("options that make no sense are refused in a sentence:", () => {
  test.each<[string, NetworkConfig, RegExp]>([
    ["a name that is denied", { denyOut: ["example.com"] }, /only be allowed by name/],
    ["a name that is allowed where nothing is denied", { allowOut: ["example.com"] }, /0\.0\.0\.0\/0/],
    ["no host", { denyOut: [ALL], allowOut: ["exa mple"] }, /no host name/],
    ["a private network", { allowOut: ["10.0.0.0/8"] }, /never be reached/],
    ["the metadata service", { allowOut: ["169.254.169.254"] }, /never be reached/],
    ["a port that is none", { allowOut: ["1.1.1.1:99999"] }, /no such port/],
    ["a rule for every host", { rules: { "*": [] } }, /no host name/],
    ["a rule for an address", { rules: { "1.1.1.1": [] } }, /no host name/],
    ["a header that frames", { rules: { "a.example": [{ transform: { headers: { Host: "b" } } }] } }, /cannot be set/],
    [
      "a header with a line end",
      { rules: { "a.example": [{ transform: { headers: { X: "a\r\nY: b" } } }] } },
      /cannot be sent/,
    ],
    [
      "a header name with a colon",
      { rules: { "a.example": [{ transform: { headers: { "X:": "a" } } }] } },
      /cannot be set/,
    ],
    [
      "E2B's secrets",
      { rules: { "a.example": [{ transform: { headers: { X: "${e2b.secrets.a}" } } }] } },
      /Give the value/,
    ],
    ["a proxy of one's own", { egressProxy: { address: "a:1" } }, /directly/],
    ["a mask for the host", { maskRequestHost: "a" }, /published/],
  ])("%s", async (_name, config, words) => expect(await refused(config)).toMatch(words));
});

describe("headers of a host", () => {
  const rules = compileRules(
    {
      rules: {
        "api.example.com": [{ transform: { headers: { A: "exact" } } }, { transform: { headers: { B: "second" } } }],
        "*.example.com": [{ transform: { headers: { A: "near" } } }],
        "*.com": [{ transform: { headers: { A: "far" } } }],
      },
    },
    true,
  );

  test.each([
    ["api.example.com", { A: "exact", B: "second" }],
    ["www.example.com", { A: "near" }],
    ["a.www.example.com", { A: "near" }],
    ["example.com", { A: "far" }],
    ["example.org", undefined],
  ])("%s", (host, headers) => expect(headersFor(rules, host)).toEqual(headers));
});
