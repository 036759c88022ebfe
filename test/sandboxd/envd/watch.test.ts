import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FilesystemEventType, type FilesystemEvent, type Sandbox, type WatchHandle } from "@e2b/code-interpreter";
import { failureOf, startServer, until, type TestServer, WAYS } from "../harness.ts";

describe.each(WAYS)("watched folders of a sandbox, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  type Diary = { readonly events: FilesystemEvent[]; readonly handle: WatchHandle };
  const watch = async (path: string, options?: Parameters<Sandbox["files"]["watchDir"]>[2]): Promise<Diary> => {
    const events: FilesystemEvent[] = [];
    return { events, handle: await sandbox.files.watchDir(path, (event) => void events.push(event), options) };
  };
  const tells = async ({ events }: Diary, ...wanted: string[]): Promise<void> => {
    const told = () => events.map(({ type, name }) => `${type} ${name}`);
    await until(async () => wanted.every((one) => told().includes(one)), 10_000).catch(() => {
      throw new Error(`Not all of ${wanted.join(", ")} in ${told().join(", ")}`);
    });
  };

  test("tell what is made, written, changed, renamed and removed in them, and where it still is", async () => {
    await sandbox.files.makeDir("plain/sub");
    const diary = await watch("plain", { includeEntry: true });
    await sandbox.commands.run(
      "cd plain; echo 1 > a; chmod 600 a; mv a b; rm b; touch sub/deep 'é\n\\'; mkdir new; echo > new/deep; rm -r sub",
    );
    await tells(
      diary,
      "create a",
      "write a",
      "chmod a",
      "rename a",
      "create b",
      "remove b",
      "create é\n\\",
      "remove sub",
    );
    expect(diary.events.some(({ name }) => name.includes("deep"))).toBe(false);
    expect(diary.events.findLast(({ name }) => name === "é\n\\")?.entry).toMatchObject({
      path: "/home/user/plain/é\n\\",
    });
    expect(diary.events.find(({ type }) => type === FilesystemEventType.REMOVE)?.entry).toBeUndefined();
    await sandbox.files.remove("plain");
    await tells(diary, "remove .");
    await diary.handle.stop();
  });

  test("tell of all that lies below, also of folders that come, and no more of those that went", async () => {
    await sandbox.files.makeDir("/tmp/tree/one/two");
    const diary = await watch("/tmp/tree", { recursive: true });
    await sandbox.commands.run("cd /tmp/tree; chmod 700 one; echo > one/two/a; mkdir -p new/x/y; echo > new/x/y/b");
    await tells(diary, "create one/two/a", "create new/x/y", "create new/x/y/b");
    await sandbox.commands.run("mv /tmp/tree/new/x /tmp/tree/moved");
    await tells(diary, "create moved");
    await sandbox.commands.run(
      "cd /tmp/tree; echo > moved/y/c; mv moved /tmp/away; echo > /tmp/away/y/d; ln -s /tmp/away link; echo > link/e; echo > end",
    );
    await tells(diary, "create moved/y/c", "create end");
    expect(diary.events.filter(({ type }) => type === FilesystemEventType.CHMOD).map(({ name }) => name)).toEqual([
      "one",
    ]);
    expect(diary.events.filter(({ name }) => /\bd$|\be$/.test(name))).toEqual([]);
    await diary.handle.stop();
  });

  test("that are none, are files or hold too many folders are refused", async () => {
    const refusal = async (path: string): Promise<string> => await failureOf(watch(path, { recursive: true }));
    expect(await refusal("nowhere")).toContain("does not exist");
    expect(await refusal("/etc/passwd")).toContain("is not a directory");
    await sandbox.runCode("import os\nfor i in range(2_100): os.makedirs(f'/tmp/wide/{i}')");
    expect(await refusal("/tmp/wide")).toContain("more than 2048 folders");
    await sandbox.files.remove("/tmp/wide");
  });

  test("may be eight at once; each that was left makes place", async () => {
    const diaries = await Promise.all(Array.from({ length: 8 }, async () => await watch("/tmp")));
    expect(await failureOf(watch("/tmp"))).toContain("8 folders watched");
    for (let round = 0; round < 20; round++) {
      await diaries.shift()?.handle.stop();
      await until(
        async () =>
          await watch("/tmp").then(
            (diary) => diaries.push(diary) > 0,
            () => false,
          ),
        2_000,
      );
    }
    for (const { handle } of diaries) await handle.stop();
  });

  test("end when their time is over", async () => {
    const ended = Promise.withResolvers<string>();
    await sandbox.files.watchDir("/tmp", () => undefined, {
      timeoutMs: 200,
      onExit: (error) => ended.resolve(error?.message ?? ""),
    });
    expect(await ended.promise).toContain("deadline_exceeded");
  });

  test("say so when more happens at once than is kept for them, and the sandbox lives on", async () => {
    const most = Number(await Bun.file("/proc/sys/fs/inotify/max_queued_events").text());
    await sandbox.runCode(
      `import os\nos.makedirs('/tmp/storm/in')\nfor i in range(${most + 100}): open(f'/tmp/storm/in/{i}', 'w').close()`,
    );
    const ended = Promise.withResolvers<string>();
    await sandbox.files.watchDir("/tmp/storm", () => undefined, {
      recursive: true,
      onExit: (error) => ended.resolve(error?.message ?? ""),
    });
    // Whoever removes them is whoever would tell of it.
    await sandbox.files.remove("/tmp/storm/in");
    expect(await ended.promise).toContain("faster than it could be told");
    expect((await sandbox.commands.run("echo alive")).stdout).toBe("alive\n");
  });
});
