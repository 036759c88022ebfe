import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { failureOf, startServer, type TestServer, WAYS } from "../harness.ts";

const MIB = 2 ** 20;

describe.each(WAYS)("files of a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test("of many mebibytes come back byte for byte, as a form, as a stream and packed", async () => {
    const data = new Uint8Array(20 * MIB + 17).map((_, index) => (index * 7_919) >> 5);
    const wanted = Bun.hash(data);
    for (const options of [{}, { useOctetStream: true }, { gzip: true }]) {
      await sandbox.files.write("/tmp/deep/er/big.bin", new Blob([data]), options);
      const read = await sandbox.files.read("/tmp/deep/er/big.bin", { format: "bytes" });
      expect(read.length).toBe(data.length);
      expect(Bun.hash(read)).toBe(wanted);
    }
    await sandbox.files.write("streamed.bin", new Blob([data]).stream());
    const stream = await sandbox.files.read("streamed.bin", { format: "stream" });
    expect(Bun.hash(await new Response(stream).bytes())).toBe(wanted);
  });

  test("several at once, an empty one, one written over another", async () => {
    await sandbox.files.write([
      { path: "a.txt", data: "long text" },
      { path: "sub/b.txt", data: "" },
    ]);
    await sandbox.files.write("a.txt", "short");
    expect(await sandbox.files.read("~/a.txt")).toBe("short");
    expect(await sandbox.files.read("sub/b.txt")).toBe("");
  });

  test("are described, listed to a depth, moved and removed", async () => {
    await sandbox.files.write("/tmp/tree/one/two/three.txt", "3");
    await sandbox.runCode("import os; os.symlink('/tmp/tree/one', '/tmp/tree/link')");
    const listed = async (depth: number) =>
      (await sandbox.files.list("/tmp/tree", { depth })).map((one) => `${one.type} ${one.path}`);
    expect(await listed(1)).toEqual(["dir /tmp/tree/link", "dir /tmp/tree/one"]);
    expect(await listed(9)).toEqual([
      "dir /tmp/tree/link",
      "dir /tmp/tree/one",
      "dir /tmp/tree/one/two",
      "file /tmp/tree/one/two/three.txt",
    ]);
    expect(await sandbox.files.getInfo("/tmp/tree/link")).toMatchObject({ symlinkTarget: "/tmp/tree/one" });
    expect(await sandbox.files.rename("/tmp/tree/one/two/three.txt", "/tmp/tree/new/3.txt")).toMatchObject({
      name: "3.txt",
      size: 1,
      owner: "user",
      permissions: "-rw-r--r--",
    });
    await sandbox.files.remove("/tmp/tree");
    expect(await sandbox.files.exists("/tmp/tree")).toBe(false);
    // As in E2B, what is not there has been removed.
    await sandbox.files.remove("/tmp/tree");
    expect([await sandbox.files.makeDir("/tmp/made/deep"), await sandbox.files.makeDir("/tmp/made/deep")]).toEqual([
      true,
      false,
    ]);
  });

  test("keep what was noted about them when they are moved, until they are written anew", async () => {
    const metadata = { author: "me", purpose: "a 'test' \"quoted\"" };
    for (const [index, options] of [{}, { useOctetStream: true }, { gzip: true }].entries()) {
      const at = `/tmp/noted/${index}`;
      expect((await sandbox.files.write(at, "x", { metadata, ...options })).metadata).toEqual(metadata);
      expect((await sandbox.files.getInfo(at)).metadata).toEqual(metadata);
    }
    expect((await sandbox.files.list("/tmp/noted")).map((one) => one.metadata)).toEqual([metadata, metadata, metadata]);
    await sandbox.commands.run("mv /tmp/noted/0 /tmp/noted/here");
    expect((await sandbox.files.getInfo("/tmp/noted/here")).metadata).toEqual(metadata);
    expect((await sandbox.files.rename("/tmp/noted/here", "/home/user/there")).metadata).toEqual(metadata);
    await sandbox.files.write("/home/user/there", "new");
    expect((await sandbox.files.getInfo("/home/user/there")).metadata).toBeUndefined();
    const long = sandbox.files.write("long", "x", { metadata: { long: "x".repeat(5_000) } });
    expect(await failureOf(long)).toContain("4096 printable characters");
    expect(await sandbox.files.exists("long")).toBe(false);
  });

  test("keep what was noted about a thousand of them, the latest", async () => {
    const many = Array.from({ length: 1_001 }, (_, index) => ({ path: `/tmp/thousand/${index}`, data: "" }));
    await sandbox.files.writeFiles(many, { metadata: { few: "words" } });
    const noted = (await sandbox.files.list("/tmp/thousand")).filter((one) => one.metadata?.["few"] === "words");
    expect(noted.length).toBe(1_000);
    expect(noted.map((one) => one.name)).not.toContain("0");
  });

  test("a list too long for one frame comes whole", async () => {
    await sandbox.runCode(
      "import os\nos.makedirs('many')\nfor i in range(6000): open(f'many/{i:05}-' + 'x' * 150, 'w').close()",
    );
    expect((await sandbox.files.list("many")).length).toBe(6_000);
  });

  test("that are missing, are folders, or may not be written are refused with their own errors", async () => {
    expect(await failureOf(sandbox.files.read("nowhere"))).toContain("does not exist");
    expect(await failureOf(sandbox.files.read("/tmp"))).toContain("is a directory");
    expect(await failureOf(sandbox.files.list("nowhere"))).toContain("does not exist");
    expect(await failureOf(sandbox.files.list("/etc/passwd"))).toContain("not a directory");
    expect(await failureOf(sandbox.files.write("/usr/x", "x"))).toContain("may not be changed");
  });
});
