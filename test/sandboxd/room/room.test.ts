import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../src/shared/config.ts";
import { toAppError, type AppError } from "../../../src/shared/errors.ts";
import { openRoom } from "../../../src/sandboxd/room/room.ts";
import { findTools } from "../../../src/sandboxd/tools.ts";

const MEMORY_BYTES = 2 ** 31;

/** A bubblewrap that changes its arguments, given as NUL-separated bytes, by this line of Python. */
const bubblewrap = (python: string, bwrap: string, change: string): string => `#!${python}
import os, sys
at = sys.argv.index("--args") + 1
words = b"".join(iter(lambda: os.read(int(sys.argv[at]), 65536), b"")).split(b"\\0")[:-1]
filter = words.index(b"--seccomp")
def given(data):
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    os.set_inheritable(reading, True)
    return reading
${change}
sys.argv[at] = str(given(b"\\0".join(words) + b"\\0"))
os.execv(${JSON.stringify(bwrap)}, ["bwrap", *sys.argv[1:]])
`;

describe("a room whose filter is not what it must be", () => {
  const tools = findTools({ root: ROOT, bwrap: "", python: "" });
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "bwrap-"));
    chmodSync(folder, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const failure = async (change: string): Promise<AppError> => {
    const path = join(folder, "bwrap");
    writeFileSync(path, bubblewrap(tools.python.executable, tools.bwrap, change), { mode: 0o755 });
    try {
      await using room = await openRoom({ ...tools, bwrap: path }, MEMORY_BYTES);
      throw new Error(`room ${room.pid} was made`);
    } catch (error) {
      return toAppError(error);
    }
  };

  test("is refused, naming the layer, when bubblewrap leaves the filter out", async () => {
    const { code, message } = await failure("del words[filter:filter + 2]");
    expect(code).toBe("unavailable");
    expect(message).toContain("process 1 of the room has no system-call filter (seccomp): Seccomp is ");
    expect(message).toContain("npm run doctor");
  });

  test("is refused when the filter is empty, or half an instruction", async () => {
    for (const bytes of ["b''", "b'\\\\6\\\\0\\\\0\\\\0'"]) {
      const { code, detail } = await failure(`words[filter + 1] = str(given(${bytes})).encode()`);
      expect(code).toBe("unavailable");
      expect(detail).toMatch(/seccomp/i);
    }
  });

  test("is made when it is as it must be", async () => {
    const room = await openRoom(tools, MEMORY_BYTES);
    expect(room.python).toStartWith("3.");
    await room.close(new Error("It was closed."));
  });
});
