"""The few notebook lines that models write out of habit: `!command`, `%cd`, `%pwd`, `%matplotlib inline` and the like."""

import os
import re
import subprocess
import sys

LINE = re.compile(r"^(\s*)([!%])(?!%)\s*(.*)$")
CALL = "__sandpiper_line__"


def rewritten(code):
    """The cell with such lines as calls; None when it has none."""
    lines = code.split("\n")
    changed = [LINE.sub(lambda found: f"{found[1]}{CALL}({found[2]!r}, {found[3]!r})", line) for line in lines]
    return "\n".join(changed) if changed != lines else None


def run_line(kind, text):
    if kind == "!":
        shell(text)
        return None
    name, _, rest = text.partition(" ")
    if name == "pwd":
        return os.getcwd()
    if name == "cd":
        os.chdir(os.path.expanduser(rest.strip().strip("'\"") or "~"))
    elif name in ("pip", "conda"):
        raise RuntimeError("Packages cannot be installed: the sandbox has no network.")
    elif name not in ("matplotlib", "config", "load_ext", "autoreload", "precision"):
        raise RuntimeError(f"The notebook command %{name} does not exist here.")
    return None


def shell(command):
    """Output goes where everything else of a command goes; a failure is said, as in a notebook, but is no error."""
    code = subprocess.run(["/bin/bash", "-c", command], check=False).returncode
    if code != 0:
        print(f"[exit code {code}]", file=sys.stderr)
