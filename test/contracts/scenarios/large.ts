// An answer that is larger than a channel: it keeps to the limits, and says where the rest is.
import { expect } from "bun:test";
import type { Seen } from "../drivers/driver.ts";
import { allSaid, answersTo, type Scenario } from "./scenario.ts";

const LINES = 2_000;
const TEXTS = 25;
const PICTURES = 12;
const FILES = TEXTS + PICTURES;
const CODE = `
import struct, zlib
def part(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def picture(grey):
    rows = (b"\\0" + bytes([grey]) * 60) * 40
    head = struct.pack(">IIBBBBB", 60, 40, 8, 0, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
for number in range(${PICTURES}):
    open(f"picture_{number}.png", "wb").write(picture(number * 20))
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
    await chat.run(CODE);
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

const lengthOf = ({ files }: Seen, { text, caption }: { readonly text: number; readonly caption: number }): number =>
  files.length > 0 ? caption : text;
