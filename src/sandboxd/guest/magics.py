"""The few notebook lines that models write out of habit, for a Python without IPython; and `!command`, which both run alike."""

import os
import re
import subprocess
import sys

from . import missing, streams

LINE = re.compile(r"^(\s*)([!%])(?!%)\s*(.*)$")
PIP = re.compile(r"(?:python3?\s+-m\s+|uv\s+)?(?:pip3?|conda|mamba)\s+install\b(.*)")
CALL = "__sandpiper_line__"


def rewritten(code):
    """The cell with such lines as calls; None when it has none."""
    lines = code.split("\n")
    changed = [LINE.sub(lambda found: f"{found[1]}{CALL}({found[2]!r}, {found[3]!r})", line) for line in lines]
    return "\n".join(changed) if changed != lines else None


def run_line(kind, text):
    if kind == "!":
        run_command(text)
        return None
    name, _, rest = text.partition(" ")
    if name == "pwd":
        return os.getcwd()
    if name == "cd":
        os.chdir(os.path.expanduser(rest.strip().strip("'\"") or "~"))
        print(os.getcwd())
    elif name in ("pip", "conda"):
        raise RuntimeError(missing.no_installing(rest))
    elif name not in ("matplotlib", "config", "load_ext", "autoreload", "precision"):
        raise RuntimeError(f"The notebook command %{name} does not exist here.")
    return None


def run_command(command):
    """
    The exit code. Output goes where everything else of a command goes; a failure is said, as in a notebook, but is no error.
    """
    installing = PIP.match(command.strip())
    if installing is not None:
        print(missing.no_installing(installing[1]), file=sys.stderr)
        return 1
    code = run_bash(["-c", command])
    if code != 0:
        print(f"[exit code {code}]", file=sys.stderr)
    return code


def run_bash(arguments, text=None):
    """Where sys.stdout was put aside (`%%capture`), its place gets the output too."""
    command = ["/bin/bash", *arguments]
    if isinstance(sys.stdout, streams.Stream) and isinstance(sys.stderr, streams.Stream):
        return subprocess.run(command, input=text, text=True, check=False).returncode
    done = subprocess.run(command, input=text, text=True, errors="replace", check=False, capture_output=True)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode
