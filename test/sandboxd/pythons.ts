// The Pythons of this machine that the rooms are tried with.

const FIND =
  "import importlib.util as u, sys; sys.exit(0 if u.find_spec('matplotlib') and not u.find_spec('IPython') else 1)";

/** The system's own, if it draws and has no IPython; else null. */
export function withoutNotebook(): string | null {
  const python = "/usr/bin/python3";
  const asked = Bun.spawnSync([python, "-I", "-c", FIND], { stdout: "ignore", stderr: "ignore" });
  return asked.exitCode === 0 ? python : null;
}
