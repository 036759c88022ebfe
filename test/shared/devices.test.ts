// Pairing: a link opens one browser once, and only what cannot be turned back is kept.
import { expect, test } from "bun:test";
import { addPairing, isPaired, pairDevice, type NewDevice } from "../../src/shared/devices.ts";
import { temporaryBoard } from "./temporary.ts";

const device = (name: string): NewDevice => ({
  id: name,
  cookie: `cookie-of-${name}`,
  key: `key-of-${name}`,
  label: "Firefox",
});

test("a token pairs one browser, once", async () => {
  using place = temporaryBoard();
  await addPairing(place.board, "token", 5_000, 1_000);
  expect(await pairDevice(place.board, "wrong", device("a"), 2_000)).toBe(false);
  expect(await pairDevice(place.board, "token", device("a"), 2_000)).toBe(true);
  expect(await pairDevice(place.board, "token", device("b"), 2_000)).toBe(false);
  expect(place.board.read((tx) => isPaired(tx, "cookie-of-a", "key-of-a"))).toBe(true);
  expect(place.board.read((tx) => isPaired(tx, "cookie-of-b", "key-of-b"))).toBe(false);
});

test("a token is good up to its last millisecond and not beyond", async () => {
  using place = temporaryBoard();
  await addPairing(place.board, "early", 5_000, 1_000);
  await addPairing(place.board, "late", 5_000, 1_000);
  expect(await pairDevice(place.board, "early", device("a"), 5_000)).toBe(true);
  expect(await pairDevice(place.board, "late", device("b"), 5_001)).toBe(false);
});

test("tokens that are too old are forgotten by the clock that they were made with", async () => {
  using place = temporaryBoard();
  await addPairing(place.board, "old", 5_000, 1_000);
  await addPairing(place.board, "good", 9_000, 5_000);
  expect(place.value("SELECT count(*) FROM pairings")).toBe(2);
  await addPairing(place.board, "new", 12_000, 5_001);
  expect(place.value("SELECT count(*) FROM pairings")).toBe(2);
});

test("the cookie of one browser and the key of another do not go together", async () => {
  using place = temporaryBoard();
  for (const name of ["a", "b"]) {
    await addPairing(place.board, name, 5_000, 1_000);
    await pairDevice(place.board, name, device(name), 2_000);
  }
  expect(place.board.read((tx) => isPaired(tx, "cookie-of-a", "key-of-b"))).toBe(false);
  expect(place.board.read((tx) => isPaired(tx, "cookie-of-a", ""))).toBe(false);
  expect(place.board.read((tx) => isPaired(tx, "", "key-of-a"))).toBe(false);
});

test("neither token nor cookie nor key is in the file", async () => {
  using place = temporaryBoard();
  await addPairing(place.board, "token-one", 5_000, 1_000);
  await addPairing(place.board, "token-two", 5_000, 1_000);
  await pairDevice(place.board, "token-two", device("a"), 2_000);
  const kept = JSON.stringify([place.rows("SELECT * FROM pairings"), place.rows("SELECT * FROM devices")]);
  expect(kept).toContain("Firefox");
  for (const secret of ["token-one", "token-two", "cookie-of-a", "key-of-a"]) expect(kept).not.toContain(secret);
});
