// Names, bytes and paths that come from anybody.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mediaTypeOf, resolveInside, safeName, storeStream } from "../../src/shared/files.ts";
import { rejectionOf, temporaryFolder } from "./temporary.ts";

describe("a safe name", () => {
  test.each([
    ["an ordinary name", "data.csv", "data.csv"],
    ["blanks and accents", "Umsätze März 2024.xlsx", "Umsätze März 2024.xlsx"],
    ["a decomposed accent", "e\u0301.csv", "é.csv"],
    ["several dots", "archive.tar.gz", "archive.tar.gz"],
    ["a path that climbs", "../../etc/passwd", "passwd"],
    ["an absolute path", "/etc/shadow", "shadow"],
    ["a Windows path", "C:\\Users\\me\\a.csv", "a.csv"],
    ["a climb with backslashes", "..\\..\\a.csv", "a.csv"],
    ["a folder", "folder/", "file"],
    ["nothing", "", "file"],
    ["dots alone", "...", "file"],
    ["blanks alone", "   ", "file"],
    ["a hidden file", ".bashrc", "bashrc"],
    ["an option", "--rf.csv", "rf.csv"],
    ["dots at the end", "name.. ", "name"],
    ["a line break", "a\nb.csv", "a_b.csv"],
    ["NUL", "a.csv\0.png", "a.csv_.png"],
    ["an escape sequence", "\u001b[31mred.csv", "_[31mred.csv"],
    ["bidirectional override", "photo\u202egpj.exe", "photo_gpj.exe"],
    ["isolates and zero width", "a\u2066\u200bb\u2069.csv", "a__b_.csv"],
    ["a byte order mark", "\ufeffa.csv", "_a.csv"],
    ["half a character", "a\ud83d.csv", "a_.csv"],
    ["characters that Windows forbids", 'a<b>c:"d|e?f*.csv', "a_b_c__d_e_f_.csv"],
    ["a device of Windows", "CON", "file"],
    ["a device with an ending", "nul.csv", "file.csv"],
    ["a device with two endings", "COM1.tar.gz", "file.gz"],
    ["a name that only begins like a device", "console.csv", "console.csv"],
  ])("of %s", (_name, given, expected) => {
    expect(safeName(given)).toBe(expected);
  });

  test("falls back to what the caller wants", () => {
    expect(safeName("..", "result")).toBe("result");
    expect(safeName("aux.png", "result")).toBe("result.png");
  });

  test.each([
    ["300 letters", `${"a".repeat(300)}.csv`, ".csv"],
    ["300 emoji", `${"😀".repeat(300)}.csv`, ".csv"],
    ["300 letters of three bytes", `${"好".repeat(300)}.csv`, ".csv"],
    ["an ending of 300 letters", `a.${"b".repeat(300)}`, ".bb"],
    ["an ending of emoji", `a.${"😀".repeat(300)}`, ".😀"],
    ["an ending with blanks where it is cut", `a.b${" ".repeat(30)}c`, ".b"],
    ["a stem with blanks where it is cut", `${"a".repeat(95)} ${"b".repeat(30)}.csv`, ".csv"],
  ])("of %s is short, whole and keeps its kind", (_name, given, kind) => {
    const name = safeName(given);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
    expect(name).toContain(kind);
    expect(name.isWellFormed()).toBe(true);
    expect(name).not.toMatch(/[\s.]$/);
  });

  test.each([
    "../../etc/passwd",
    "CON",
    "😀".repeat(300),
    " a . b ",
    "x".repeat(300),
    "-.-.csv",
    `a.${"b".repeat(30)}`,
  ])("of a safe name is the same: %p", (given) => expect(safeName(safeName(given))).toBe(safeName(given)));
});

describe("a media type", () => {
  test.each([
    ["a PNG called .csv", bytes([0x89], "PNG\r\n", [0x1a, 0x0a]), "a.csv", "image/png"],
    ["a page called .png", bytes("<!doctype html><script>alert(1)</script>"), "a.png", "text/plain"],
    ["a page", bytes("<html>"), "a.HTML", "text/html"],
    ["a JPEG", bytes([0xff, 0xd8, 0xff, 0xe0]), "a", "image/jpeg"],
    ["a GIF", bytes("GIF89a"), "a", "image/gif"],
    ["a text that begins like a GIF", bytes("GIF8 is not a number"), "a.txt", "text/plain"],
    ["a WebP", bytes("RIFF", [1, 2, 3, 4], "WEBPVP8 "), "a", "image/webp"],
    ["a text with WEBP in its ninth place", bytes("01234567WEBP"), "a.txt", "text/plain"],
    ["a PDF", bytes("%PDF-1.7"), "a.csv", "application/pdf"],
    ["Parquet", bytes("PAR1"), "a", "application/vnd.apache.parquet"],
    ["a database", bytes("SQLite format 3\0"), "a.csv", "application/vnd.sqlite3"],
    ["gzip", bytes([0x1f, 0x8b, 8]), "a.csv", "application/gzip"],
    ["a workbook", bytes("PK\x03\x04"), "a.XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
    ["a zip called .csv", bytes("PK\x03\x04"), "a.csv", "application/zip"],
    ["bytes called .csv", bytes("a,b\0"), "a.csv", "application/octet-stream"],
    ["a CSV", bytes("a,b\n1,2"), "a.csv", "text/csv"],
    ["nothing", bytes(""), "a.csv", "text/csv"],
    ["a drawing called .csv", bytes('<?xml version="1.0"?>\n<!-- a --> <svg xmlns="x">'), "a.csv", "image/svg+xml"],
    ["a drawing behind two comments", bytes("<!-- a --><!-- <b> -->\n<SVG>"), "a.txt", "image/svg+xml"],
    ["words about svg", bytes("the <svg> tag"), "a.txt", "text/plain"],
  ])("of %s", (_name, head, name, expected) => {
    expect(mediaTypeOf(head, name)).toBe(expected);
  });

  test("of thousands of comments is found without trying every way to read them", () => {
    expect(mediaTypeOf(bytes("<!---->".repeat(580), "x"), "a.txt")).toBe("text/plain");
    expect(mediaTypeOf(bytes("<!---->".repeat(580), "<svg>"), "a.txt")).toBe("image/svg+xml");
  });
});

describe("storing", () => {
  test("keeps every byte and says what it kept", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "new/deep/id.csv");
    expect(await storeStream(path, "a.csv", streamOf("a,b\n", "", "1,2\n"), 8)).toEqual({
      bytes: 8,
      sha256: new Bun.CryptoHasher("sha256").update("a,b\n1,2\n").digest("hex"),
      mediaType: "text/csv",
    });
    expect(readFileSync(path, "utf8")).toBe("a,b\n1,2\n");
    expect(readdirSync(join(folder.path, "new/deep"))).toEqual(["id.csv"]);
  });

  test("finds the kind though the first pieces are small", async () => {
    using folder = temporaryFolder();
    const stored = await storeStream(join(folder.path, "x"), "a.csv", streamOf("%P", "D", "F-1.7"), 100);
    expect(stored.mediaType).toBe("application/pdf");
  });

  test("one byte too many leaves nothing, and says the name and the limit", async () => {
    using folder = temporaryFolder();
    const storing = storeStream(join(folder.path, "id"), "big.csv", streamOf("x".repeat(2 ** 20), "y"), 2 ** 20);
    expect(await rejectionOf(storing)).toMatchObject({
      code: "too_large",
      message: "“big.csv” is larger than 1 MiB. It was not kept.",
    });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("a stream that breaks leaves nothing, not even instead of what was there", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "id"), "before");
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("The line is cut.")),
    });
    expect(await rejectionOf(storeStream(join(folder.path, "id"), "a", broken, 100))).toMatchObject({
      message: "The line is cut.",
    });
    expect(readdirSync(folder.path)).toEqual(["id"]);
    expect(readFileSync(join(folder.path, "id"), "utf8")).toBe("before");
  });

  test("replaces a link and leaves alone what it points to", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "precious"), "before");
    symlinkSync("precious", join(folder.path, "id"));
    await storeStream(join(folder.path, "id"), "a", streamOf("new"), 100);
    expect(readFileSync(join(folder.path, "precious"), "utf8")).toBe("before");
    expect(readFileSync(join(folder.path, "id"), "utf8")).toBe("new");
  });

  test("one file does not eat another that is called like its unfinished form", async () => {
    using folder = temporaryFolder();
    await storeStream(join(folder.path, "a.png.part"), "a.png.part", streamOf("theirs"), 100);
    await storeStream(join(folder.path, "a.png"), "a.png", streamOf("ours"), 100);
    expect(readFileSync(join(folder.path, "a.png.part"), "utf8")).toBe("theirs");
    expect(readdirSync(folder.path).toSorted()).toEqual(["a.png", "a.png.part"]);
  });
});

test("two that store under one name at a time never mix: what is there is the one or the other", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "graph.png");
  const isHalfWay = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow = async function* () {
    yield Buffer.from("OLD1-");
    isHalfWay.resolve();
    await goOn.promise;
    yield Buffer.from("OLD2-OLD2");
  };
  const late = storeStream(path, "graph.png", new ReadableStream({ pull: pulling(slow()) }, { highWaterMark: 0 }), 100);
  await isHalfWay.promise;
  await storeStream(path, "graph.png", streamOf("NEW"), 100);
  expect(readFileSync(path, "utf8")).toBe("NEW");
  goOn.resolve();
  await late;
  expect(readFileSync(path, "utf8")).toBe("OLD1-OLD2-OLD2");
  expect(readdirSync(folder.path)).toEqual(["graph.png"]);
});

/** Asked of the system itself, where there is a tool for that. */
test.skipIf(Bun.which("strace") === null)("what is stored is on the disk with its name and its new folders", () => {
  using folder = temporaryFolder();
  const program = `
    import { storeStream } from ${JSON.stringify(join(import.meta.dir, "../../src/shared/files.ts"))};
    for (const name of ["one", "two"])
      await storeStream(process.argv[1] + "/made/deep/" + name, name, new Blob([name]).stream(), 100);`;
  const traced = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,/^rename", "--"];
  const child = Bun.spawnSync([...traced, process.execPath, "--no-env-file", "-e", program, folder.path]);
  const calls = child.stderr
    .toString()
    .split("\n")
    .flatMap((line) => {
      const [, call, path] = /(f(?:data)?sync|rename\w*)\(.*?[<"](\/[^">]*)/.exec(line) ?? [];
      return path?.startsWith(folder.path) === true ? [`${call} ${path.slice(folder.path.length)}`] : [];
    })
    .map((call) => call.replace(/\.[\da-f-]{36}\.part/, "PART"));
  const [part, named] = ["fdatasync /made/deep/PART", "rename /made/deep/PART"];
  expect(calls).toEqual([part, named, "fsync /made/deep", "fsync /made", "fsync ", part, named, "fsync /made/deep"]);
});

describe("a name inside the storage folders", () => {
  test.each([
    ["a.csv", "uploads/a.csv"],
    ["sub/b.csv", "uploads/sub/b.csv"],
    ["./a.csv", "uploads/a.csv"],
    ["t.csv", "temp/t.csv"],
  ])("%s is found", async (name, path) => {
    using place = storage();
    expect(await resolveInside(place.folders, name)).toBe(join(place.folder, path));
  });

  test.each([
    ["/etc/passwd"],
    ["../outside/secret"],
    ["sub/../../outside/secret"],
    ["..\\outside\\secret"],
    [".."],
    ["."],
    [""],
    ["a.csv\0.png"],
    ["link"],
    ["linked/secret"],
    ["inside_link"],
    ["dangling"],
    ["sub"],
  ])("%p is refused", async (name) => {
    using place = storage();
    expect(await rejectionOf(resolveInside(place.folders, name))).toMatchObject({ code: "bad_request" });
  });

  test.each([["gone.csv"], ["a.csv/more"], ["x".repeat(900)], ["nothing/at/all.csv"]])(
    "%p is missing",
    async (name) => {
      using place = storage();
      expect(await rejectionOf(resolveInside(place.folders, name))).toMatchObject({ code: "not_found" });
    },
  );

  test("is found where the folder itself is reached through a link", async () => {
    using place = storage();
    symlinkSync("uploads", join(place.folder, "alias"));
    expect(await resolveInside([join(place.folder, "alias")], "a.csv")).toBe(join(place.folder, "uploads/a.csv"));
  });
});

const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([...part]))));

const streamOf = (...chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });

const pulling =
  (chunks: AsyncGenerator<Uint8Array>) =>
  async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const next = await chunks.next();
    if (next.done === true) controller.close();
    else controller.enqueue(next.value);
  };

function storage() {
  const folder = temporaryFolder();
  for (const name of ["uploads/sub", "temp", "outside"]) mkdirSync(join(folder.path, name), { recursive: true });
  writeFileSync(join(folder.path, "uploads/a.csv"), "");
  writeFileSync(join(folder.path, "uploads/sub/b.csv"), "");
  writeFileSync(join(folder.path, "temp/t.csv"), "");
  writeFileSync(join(folder.path, "outside/secret"), "");
  symlinkSync("../outside/secret", join(folder.path, "uploads/link"));
  symlinkSync("../outside", join(folder.path, "uploads/linked"));
  symlinkSync("a.csv", join(folder.path, "uploads/inside_link"));
  symlinkSync("nowhere", join(folder.path, "uploads/dangling"));
  const folders = [join(folder.path, "uploads"), join(folder.path, "temp")];
  return { folder: folder.path, folders, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}
