import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../src/shared/config.ts";
import { findTools } from "../../../src/sandboxd/tools.ts";

const SEALED = {
  Pid: "7",
  Seccomp: "2",
  Seccomp_filters: "2",
  NoNewPrivs: "1",
  CapEff: "0000000000000000",
  CapPrm: "0000000000000000",
};
const CHECK = `
import sys
sys.path.insert(0, sys.argv[1])
from guest import files, seals
try:
    seals.check(1, sys.argv[2])
    print("sealed")
except files.Refused as refused:
    print(refused.code, refused)
`;

/** What the agent says of a room with processes in this state; null stands for one that has just ended. */
async function verdict(states: readonly (Record<string, string> | null)[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "seals-"));
  states.forEach((state, index) => {
    const lines = Object.entries(state ?? {}).map(([name, value]) => `${name}:\t${value}`);
    mkdirSync(join(folder, String(index)));
    if (state !== null) writeFileSync(join(folder, String(index), "status"), `Name:\tx\n${lines.join("\n")}\n`);
  });
  const { executable } = findTools({ root: ROOT, bwrap: "", python: "" }).python;
  const child = Bun.spawn([executable, "-c", CHECK, join(ROOT, "src/sandboxd"), join(folder, "*/status")], {
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Response(child.stdout).text();
  rmSync(folder, { recursive: true });
  return text.trim();
}

describe("the seals of a room", () => {
  test("are there when every process has all of them", async () => {
    expect(await verdict([SEALED, { ...SEALED, Pid: "8", Seccomp_filters: "3" }, null])).toBe("sealed");
  });

  test("are there where an older kernel does not count the filters", async () => {
    const { Seccomp_filters: _, ...older } = SEALED;
    expect(await verdict([older])).toBe("sealed");
  });

  test.each([
    ["Seccomp", "0", "has no system-call filter (seccomp): Seccomp is 0"],
    ["Seccomp", "1", "has no system-call filter (seccomp): Seccomp is 1"],
    ["Seccomp_filters", "1", "has no system-call filter (seccomp): Seccomp is that of the machine alone"],
    ["NoNewPrivs", "0", "may still gain privileges: NoNewPrivs is 0"],
    ["CapEff", "0000000000200000", "has not given up its powers: CapEff is 0000000000200000"],
    ["CapPrm", "000001ffffffffff", "has not given up its powers: CapPrm is 000001ffffffffff"],
  ])("are missed in whichever process lacks one (%s %s)", async (name, value, said) => {
    const found = await verdict([SEALED, { ...SEALED, Pid: "9", [name]: value }, SEALED]);
    expect(found).toBe(`failed_precondition process 9 of the room ${said}`);
  });

  test("are missed where a kernel tells nothing, or no process can be seen", async () => {
    const { Seccomp: _, ...untold } = SEALED;
    expect(await verdict([untold])).toContain("seccomp");
    expect(await verdict([])).toContain("failed_precondition the room's processes cannot be listed");
  });
});
