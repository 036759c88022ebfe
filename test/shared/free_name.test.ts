// Names beside other names.
import { expect, test } from "bun:test";
import { freeName } from "../../src/shared/free_name.ts";

test.each([
  ["graph.png", [], "graph.png"],
  ["graph.png", ["graph.png"], "graph-2.png"],
  ["graph.png", ["graph.png", "graph-2.png"], "graph-3.png"],
  ["data.tar.gz", ["data.tar.gz"], "data.tar-2.gz"],
  ["Makefile", ["Makefile"], "Makefile-2"],
  [".hidden", [".hidden"], ".hidden-2"],
])("%s beside %p becomes %s", (name, taken, free) => {
  expect(freeName(name, (candidate) => taken.includes(candidate))).toBe(free);
});
