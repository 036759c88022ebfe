"""Whether everything that runs in this room has given up what it must have given up."""

import glob

from .files import Refused

POWERS = "has not given up its powers"
SEALS = {
    "Seccomp": ("2", "has no system-call filter (seccomp)"),
    "NoNewPrivs": ("1", "may still gain privileges"),
    "CapEff": ("0" * 16, POWERS),
    "CapPrm": ("0" * 16, POWERS),
}


def check(around, pattern="/proc/[0-9]*/task/[0-9]*/status"):
    """Refuses the room for the first thread of it that lacks a seal; one that ends meanwhile does not count.

    `around`: so many filters lie around sandboxd itself, as in a container; the room's own must be one more."""
    seen = 0
    for path in glob.glob(pattern):
        status = read(path)
        if status is None:
            continue
        seen += 1
        # Linux before 5.9 does not count them.
        if int(status.get("Seccomp_filters", around + 1)) <= around:
            status["Seccomp"] = "that of the machine alone"
        for name, (wanted, lack) in SEALS.items():
            if status.get(name) != wanted:
                process = f"process {status.get('Pid')} of the room"
                raise Refused("failed_precondition", f"{process} {lack}: {name} is {status.get(name)}")
    if seen == 0:
        raise Refused("failed_precondition", "the room's processes cannot be listed")


def read(path):
    try:
        with open(path) as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return None
