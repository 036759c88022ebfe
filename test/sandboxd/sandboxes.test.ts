import { expect, test } from "bun:test";
import { realWorld } from "../../src/sandboxd/egress/dial.ts";
import { sandboxesFor } from "../../src/sandboxd/limits.ts";
import { Sandboxes } from "../../src/sandboxd/sandboxes.ts";
import { createLog } from "../../src/shared/log.ts";
import { failureOf } from "./harness.ts";

test("a sandbox whose network options make no sense costs no room", async () => {
  let taken = 0;
  const take = async (): Promise<never> => {
    taken++;
    throw new Error("no room here");
  };
  const sandboxes = new Sandboxes(take, realWorld(), createLog("test", "error"));
  const wishes = { template: "base", metadata: {}, environment: {}, lifeMs: 1_000 };
  const network = (denyOut: string[]) => ({ config: { denyOut }, hasInternet: null });
  expect(await failureOf(sandboxes.create({ ...wishes, network: network(["example.com"]) }))).toContain("by name");
  expect(taken).toBe(0);
  expect(await failureOf(sandboxes.create({ ...wishes, network: network(["8.8.8.8"]) }))).toBe("no room here");
  expect(taken).toBe(1);
});

test("a machine may have as many sandboxes as a quarter of its memory holds, within reason", () => {
  const gib = 2 ** 30;
  expect([0.5, 4, 8, 16, 64].map((size) => sandboxesFor(size * gib))).toEqual([8, 25, 51, 102, 128]);
});
