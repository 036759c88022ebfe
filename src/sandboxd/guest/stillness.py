"""All processes of a room at rest for a moment, after which they go on as they were.

A shell that sees its job stop takes the terminal back from it. So whoever has children stops before they do and goes on after
them; and whoever was stopped before that stays so."""

import os
import signal
import time

# Even a busy machine stops a process in milliseconds; who takes longer than this, all together, is not waited for.
PATIENCE_SECONDS = 0.5
POLL_SECONDS = 0.0005
AWAKE = ("R", "S")


class Stillness:
    def __init__(self):
        self.stopped_before = frozenset()
        self.is_whole = True

    def operations(self):
        return {"stopAll": self.stop_all, "continueAll": self.continue_all}

    def stop_all(self, _header, _body):
        """In the end at one instant: a fork under way ends before it or begins again after it, so nobody escapes."""
        others = oldest_first()
        self.stopped_before = frozenset(one.pid for one in others if one.state == "T")
        parents = {one.parent for one in others}
        end = time.monotonic() + PATIENCE_SECONDS
        for one in others:
            if one.pid in parents:
                tell(one.pid, signal.SIGSTOP)
                await_rest([one], end)
        tell(-1, signal.SIGSTOP)
        self.is_whole = await_rest(oldest_first(), end)
        return {}, b""

    def continue_all(self, _header, _body):
        for one in reversed(oldest_first()):
            if one.pid not in self.stopped_before:
                tell(one.pid, signal.SIGCONT)
        if not (self.is_whole and self.stopped_before):
            # Whom a fork brings forth only now is told to stop by it, unless all are told to go on at one instant, too.
            tell(-1, signal.SIGCONT)


def await_rest(others, end):
    """Whether all of them are at rest in time."""
    awake = [one for one in others if is_awake(one.pid)]
    while awake and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        awake = [one for one in awake if is_awake(one.pid)]
    return not awake


class Other:
    def __init__(self, pid, fields):
        self.pid, self.state, self.parent, self.age = pid, fields[0], int(fields[1]), int(fields[19])


def oldest_first():
    """Everybody but us and process 1: a parent is older than its children."""
    numbers = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getpid()}
    found = [Other(pid, fields) for pid in numbers if (fields := fields_of(pid))]
    return sorted(found, key=lambda one: (one.age, one.pid))


def fields_of(pid):
    """What comes after the name, which may hold anything; None: it has ended meanwhile."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return None


def is_awake(pid):
    fields = fields_of(pid)
    return fields is not None and fields[0] in AWAKE


def tell(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        # There is nobody any more.
        pass
