// A kernel whose shell was built before the fork, and one that builds it afterwards, are the same.
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { ROOT } from "../../src/shared/config.ts";
import { temporaryFolder } from "../shared/temporary.ts";
import { findNotebook } from "./pythons.ts";

/** Two kernels, one after the other, and what each says about the same cells. */
const PROGRAM = `
import json, os, socket, sys, threading
from sandpiper import frames, kernel

def say(before):
    if before:
        kernel.prepare()
        kernel.prepare()
    assert threading.active_count() == 1, threading.enumerate()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        kernel.main(theirs, "/tmp")
    theirs.close()
    said = []
    for cell in ("x = 1\\nprint(x)", "%time x", "[x, _, Out, len(In)]", "__name__, sys.modules['__main__'].x" , "1/0"):
        frames.send_packet(ours, {"op": "run", "environment": {}}, cell.replace("sys.", "__import__('sys').").encode())
        while True:
            header, body = frames.receive_packet(ours)
            if header["event"] == "done":
                break
            if header["event"] in ("result", "error"):
                body = json.loads(body)
                said.append(body.get("text") or body.get("value"))
    ours.close()
    os.wait()
    return said

print(json.dumps([say(False), say(True)]))
`;

test("a shell is built before a fork or after it", async () => {
  using folder = temporaryFolder();
  symlinkSync(join(ROOT, "src/sandboxd/guest"), join(folder.path, "sandpiper"));
  const found = findNotebook();
  if (found === null) return;
  const { executable, site } = found;
  const child = Bun.spawn([executable, "-s", "-c", PROGRAM], {
    cwd: folder.path,
    env: {
      PYTHONPATH: `${site ?? ""}:${folder.path}`,
      PYTHONDONTWRITEBYTECODE: "1",
      HOME: folder.path,
      PATH: "/usr/bin:/bin",
    },
    stdout: "pipe",
    stderr: "inherit",
  });
  const said: unknown = JSON.parse(await new Response(child.stdout).text());
  expect(await child.exited).toBe(0);
  const both = ["1", "[1, 1, {2: 1}, 4]", "('__main__', 1)", "division by zero"];
  expect(said).toEqual([both, both]);
  expect([...new Bun.Glob("**/*").scanSync({ cwd: folder.path, dot: true })]).toEqual([]);
});
