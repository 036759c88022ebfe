// Which bubblewrap and which Python the rooms are made with: the settings, then what set-up wrote down, then the usual places.
import { accessSync, constants, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";

/** Paths of the host. `site` and `base` are bound read-only into every room; null where Python lives under /usr. */
export type Tools = {
  readonly bwrap: string;
  readonly python: { readonly executable: string; readonly site: string | null; readonly base: string | null };
};

const SetupFile = z.object({
  bwrap: z.string().optional(),
  python: z
    .object({ executable: z.string(), site: z.string().nullable().optional(), base: z.string().nullable().optional() })
    .optional(),
});

/** Throws AppError `config` when `.tools/setup.json` is there but cannot be understood. */
export function findTools(settings: { root: string; bwrap: string; python: string }): Tools {
  const setup = readSetup(join(settings.root, ".tools", "setup.json"));
  const executable = settings.python || setup.python?.executable || "/usr/bin/python3";
  return {
    bwrap: settings.bwrap || setup.bwrap || findBwrap(),
    python: {
      executable,
      // A Python of the settings brings its own packages.
      site: settings.python === "" ? (setup.python?.site ?? null) : null,
      base: (settings.python === "" ? setup.python?.base : null) ?? baseOf(executable),
    },
  };
}

/** The rooms have only /usr of this machine: any other Python comes with its whole folder, be it a venv's. */
function baseOf(executable: string): string | null {
  return executable.startsWith("/usr/") || executable.startsWith("/bin/") ? null : dirname(dirname(executable));
}

function readSetup(path: string): z.infer<typeof SetupFile> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Without set-up the usual places are tried.
    return {};
  }
  try {
    return SetupFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError("config", `${path} cannot be read. Run the set-up again: npm run setup`, { cause });
  }
}

function findBwrap(): string {
  try {
    accessSync("/usr/bin/bwrap", constants.X_OK);
    return "/usr/bin/bwrap";
  } catch {
    return Bun.which("bwrap") ?? "/usr/bin/bwrap";
  }
}
