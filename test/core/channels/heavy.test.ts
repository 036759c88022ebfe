// Files that are large, or that somebody made to do harm: core's memory and the disk stay as they were, and nothing gets out.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { z } from "zod";
import { safeName } from "../../../src/shared/files.ts";
import { png } from "../../fakes/telegram_client.ts";
import { abandon, claim, settle, startConnected, until, type Connected } from "./connected.ts";

setDefaultTimeout(60_000);

const MIB = 2 ** 20;
const Asked = z.looseObject({ files: z.tuple([z.string()]) });

let city: Connected;
beforeAll(async () => {
  city = await startConnected();
});
afterAll(() => city[Symbol.asyncDispose]());

/** How much more core held at its peak than before (bytes). */
async function growthOver(work: () => Promise<void>): Promise<number> {
  const { pid } = city.core;
  const measured = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
  // The peak counts from here on.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = measured("VmRSS");
  await work();
  return measured("VmHWM") - before;
}

const isAllSaid = () => city.value("SELECT count(*) FROM deliveries WHERE ended_at IS NULL") === 0;

async function write(path: string, bytes: number): Promise<void> {
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  const file = Bun.file(path).writer();
  for (let left = bytes; left > 0; left -= noise.length) {
    void file.write(noise.subarray(0, Math.min(left, noise.length)));
    await file.flush();
  }
  await file.end();
}

describe("a file of 49 MB goes out without being held in memory:", () => {
  const file = { name: "all.csv", mediaType: "text/csv", bytes: 49 * MIB };

  test.each([
    ["Telegram", () => city.ann.say("All of it"), () => city.telegram.view(7).messages.at(-1)?.file?.bytes],
    ["WhatsApp", () => city.ada.say("All of it"), () => city.graph.view(city.ada).messages.at(-1)?.file?.bytes],
  ])("%s", async (_name, say, received) => {
    say();
    const claimed = await claim(city.core);
    let hash = "";
    const growth = await growthOver(async () => {
      await settle(city.core, claimed, file, async (path) => {
        await write(path, file.bytes);
        hash = Bun.SHA256.hash(await Bun.file(path).bytes(), "hex");
      });
      await until(isAllSaid);
    });
    expect(Bun.SHA256.hash(received() ?? "", "hex")).toBe(hash);
    expect(growth).toBeLessThan(80 * MIB);
  });
});

test("a file without end is stopped at the limit, which is said in words, and leaves nothing", async () => {
  const folder = join(city.core.home, "storage/uploads");
  const before = namesIn(folder);
  const said = city.graph.view(city.ada).messages.length;
  city.graph.faults.add({ call: "download", kind: "endless" });
  const growth = await growthOver(async () => {
    city.ada.sendDocument({ name: "endless.csv", bytes: table, mediaType: "text/csv", caption: "Graph this" });
    await until(() => city.graph.view(city.ada).messages.length === said + 2);
  });
  expect(city.graph.view(city.ada).messages.at(-1)?.text).toMatch(/larger than|up to/);
  expect(namesIn(folder)).toEqual(before);
  expect(growth).toBeLessThan(80 * MIB);
});

/** 42 kB that are 4 GB when they are unpacked: many names for the same bytes. */
function bomb(): Uint8Array<ArrayBuffer> {
  const plain = Buffer.alloc(20 * MIB);
  const packed = deflateRawSync(plain, { level: 9 });
  const facts = Buffer.alloc(22);
  facts.writeUInt16LE(20, 0);
  facts.writeUInt16LE(8, 4);
  facts.writeUInt32LE(Bun.hash.crc32(plain), 10);
  facts.writeUInt32LE(packed.length, 14);
  facts.writeUInt32LE(plain.length, 18);
  const head = Buffer.concat([Buffer.from("PK\x03\x04"), facts, Buffer.from([3, 0, 0, 0]), Buffer.from("000")]);
  const names = Array.from({ length: 205 }, (_, index) => {
    const entry = Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), facts, Buffer.alloc(18), Buffer.alloc(3)]);
    entry.writeUInt16LE(3, 28);
    entry.write(String(index).padStart(3, "0"), 46);
    return entry;
  });
  const list = Buffer.concat(names);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(head.length + packed.length, 16);
  return new Uint8Array(Buffer.concat([head, packed, list, end]));
}

const picture = new Uint8Array(Buffer.concat([png(4, 4), Buffer.from("<html><script>alert(1)</script></html>")]));
const table = new TextEncoder().encode("a,b\n1,2\n");
const HOSTILE: readonly (readonly [what: string, name: string, bytes: Uint8Array<ArrayBuffer>])[] = [
  ["an archive of 4 GB in 42 kB", "data.zip", bomb()],
  ["a picture that is a page, too", "chart.html", picture],
  ["a name that leads out", "../../x", table],
  ["a name that leads out on another system", "..\\..\\x.csv", table],
  ["a name of 300 letters", `${"ä".repeat(296)}.csv`, table],
  ["a name that is read from right to left", "sales\u202evsc.exe", table],
];

test("the archive is what it is meant to be", async () => {
  const bytes = bomb();
  expect(bytes.length).toBeLessThan(43_000);
  const path = join(city.core.home, "bomb.zip");
  await Bun.write(path, bytes);
  const listing =
    await Bun.$`python3 -c ${"import sys, zipfile; print(sum(one.file_size for one in zipfile.ZipFile(sys.argv[1]).infolist()))"} ${path}`.text();
  expect(Number(listing)).toBeGreaterThan(4e9);
});

describe.each([
  [
    "Telegram",
    (name: string, bytes: Uint8Array<ArrayBuffer>) =>
      void city.ann.sendDocument({ name, bytes }, { caption: "Graph this" }),
  ],
  [
    "WhatsApp",
    (name: string, bytes: Uint8Array<ArrayBuffer>) =>
      void city.ada.sendDocument({ name, bytes, mediaType: "text/csv", caption: "Graph this" }),
  ],
])("what comes by %s is kept as it is, under a name of ours, and not looked into:", (_platform, send) => {
  test.each(HOSTILE)("%s", async (_what, name, bytes) => {
    const folder = join(city.core.home, "storage/uploads");
    const before = namesIn(folder);
    const outside = readdirSync(city.core.home).toSorted();
    let id = "";
    const growth = await growthOver(async () => {
      send(name, bytes);
      const claimed = await claim(city.core);
      id = Asked.parse(claimed.input).files[0];
      await abandon(city.core, claimed);
      await until(isAllSaid);
    });
    expect(growth).toBeLessThan(40 * MIB);
    expect(namesIn(folder).filter((one) => !before.includes(one))).toEqual([id]);
    expect(id).toMatch(/^[\da-f-]{36}(\.[a-z]{1,16})?$/);
    expect(statSync(join(folder, id)).size).toBe(bytes.length);
    expect(readdirSync(city.core.home).toSorted()).toEqual(outside);
    const shown = String(city.value("SELECT name FROM uploads ORDER BY rowid DESC LIMIT 1"));
    expect(shown).toBe(safeName(name));
    expect(shown).not.toMatch(/[/\\\p{Cc}\p{Cf}]/u);
    expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(120);
    await isHarmlessOnThePage(id);
  });
});

/** Whatever it says that it is, no browser makes a page of it. */
async function isHarmlessOnThePage(id: string): Promise<void> {
  const response = await city.core.call(`/api/uploads/${id}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).not.toMatch(/html|svg|xml|script/);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
}

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};
