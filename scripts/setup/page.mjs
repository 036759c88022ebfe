// The dashboard's page, built from src/web when its sources changed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./child.mjs";
import { SetupFailure, lastLine } from "./failure.mjs";
import { digest, readText, treeDigest, writeAtomically } from "./stamp.mjs";

const BUILD_LIMIT_MS = 120_000;

export async function ensurePage(context) {
  const script = join(context.root, "scripts", "build_web.ts");
  if (!existsSync(script)) return;
  const wanted = digest(
    treeDigest(join(context.root, "src", "web")),
    readText(join(context.root, "bun.lock")),
    readText(script),
  );
  const stamp = join(context.tools, "page.stamp");
  if (readText(stamp) === wanted && existsSync(join(context.root, "dist", "web", "manifest.json"))) {
    context.progress.ready("Web page");
    return;
  }
  await context.progress.step("Web page", async () => {
    const result = await capture(context.bun, [script], { cwd: context.root, timeoutMs: BUILD_LIMIT_MS });
    if (result.code !== 0)
      throw new SetupFailure(
        `The web page could not be built: ${lastLine(result.output)}`,
        "bun scripts/build_web.ts shows the whole message",
      );
    writeAtomically(stamp, wanted);
    return "built";
  });
}
