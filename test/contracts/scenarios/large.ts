// An answer that is larger than a channel: it keeps to the limits, and says where the rest is.
import { expect } from "bun:test";
import type { Seen } from "../drivers/driver.ts";
import { allSaid, answersTo, pictures, type Scenario } from "./scenario.ts";

const LINES = 2_000;
const TEXTS = 25;
const PICTURES = 12;
const FILES = TEXTS + PICTURES;
/** `picture` writes a PNG of 8 bits by hand: of kind 2 it has colours, of kind 0 it is grey. */
const PNG = `
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def picture(name, kind, shade):
    row = b"\\0" + bytes([shade]) * (60 * (3 if kind == 2 else 1))
    head = struct.pack(">IIBBBBB", 60, 40, 8, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * 40)) + chunk(b"IEND", b"")
    open(name, "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunks)
`;
const MANY = `${PNG}
for number in range(${PICTURES}):
    picture(f"picture_{number}.png", 2, number * 20)
for number in range(${LINES}):
    print(f"This is line {number} of many.")
for number in range(${TEXTS}):
    open(f"part_{number}.txt", "w").write(f"part {number}")
`;

export const large: Scenario = {
  name: "an answer that is too large keeps to the limits, and names the rest with a link to the dashboard",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "hello");
    await chat.run(MANY);
    const seen = (await allSaid(chat)).slice(1);
    const words = seen.map((one) => one.words).join("\n");
    const files = seen.flatMap((one) => one.files);
    const limits = driver.can.words;
    if (limits === null) expect(files).toHaveLength(FILES);
    else {
      expect(seen.length).toBeLessThanOrEqual(limits.messages);
      for (const one of seen) expect(one.words.length).toBeLessThanOrEqual(lengthOf(one, limits));
      expect(words).toMatch(/The rest of this answer/);
      expect(words).toContain(String(FILES - files.length));
      expect(words).toMatch(/http:\/\/localhost:\d+\/c\//);
    }
    expect(words).toContain("This is line 0 of many.");
  },
};

/** WhatsApp takes pictures in colour only. */
export const refusedPicture: Scenario = {
  name: "a picture that the platform does not take is in the dashboard, and the answer says so",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "hello");
    await chat.run(`${PNG}picture("grey.png", 0, 90)`);
    const seen = (await allSaid(chat, SOON_MS)).slice(1);
    const isThere = pictures(seen).length === 1;
    const words = seen.map((one) => one.words).join("\n");
    expect(isThere || /It is in the dashboard: http:\/\/localhost:\d+/.test(words)).toBe(true);
  },
};

/** Long enough for several attempts. */
const SOON_MS = 20_000;

const lengthOf = ({ files }: Seen, { text, caption }: { readonly text: number; readonly caption: number }): number =>
  files.length > 0 ? caption : text;
