import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../../src/shared/config.ts";
import { findTools } from "../../../src/sandboxd/tools.ts";

const STARTS = `
import os, resource, sys
sys.path.insert(0, sys.argv[1])
from guest import processes
how = {"args": ["/bin/true"], "cwd": "/", "env": {}, "start_new_session": True}
before = os.listdir("/proc/self/fd")
refused = 0
for more in range(16):
    limit = len(before) + more
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 1024))
    try:
        child, outputs, entrance = processes.start_on_terminal({"terminal": {"rows": 1, "cols": 1}}, how)
    except OSError:
        refused += 1
        continue
    child.wait()
    for one in (*outputs, entrance): one.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
print(0 < refused < 16, len(os.listdir("/proc/self/fd")) - len(before))
`;

test("a terminal that cannot be opened for want of descriptors leaves none behind", async () => {
  const { executable } = findTools({ root: ROOT, bwrap: "", python: "" }).python;
  const child = Bun.spawn([executable, "-c", STARTS, join(ROOT, "src/sandboxd")], {
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(await new Response(child.stdout).text()).toBe("True 0\n");
});
