# What every attempt has at hand, in a room and, for its control, outside of one. An attempt gets what it is `given` and returns
# what it got that nobody in a room may get (a list, empty when the room held) and what was seen, in words.
import collections
import ctypes
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number, *arguments):
    """A system call by number; raises OSError."""
    ctypes.set_errno(0)
    words = [one if isinstance(one, (bytes, ctypes.Array, ctypes.Structure)) else ctypes.c_long(one) for one in arguments]
    words = [ctypes.byref(one) if isinstance(one, ctypes.Structure) else one for one in words]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def tried(act, *arguments):
    """"ok", or the name of the error."""
    try:
        act(*arguments)
        return "ok"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def apart(act, *arguments, seconds=10):
    """The same in a process of its own, for acts that cannot be undone. A signal that ends it is named."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(seconds)
            os.write(writing, tried(act, *arguments).encode()[:200])
        except BaseException as error:
            os.write(writing, repr(error).encode()[:200])
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    status = os.waitpid(pid, 0)[1]
    return said or (f"killed by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "nothing")


def verdict(outcomes):
    """Of {what was tried: "ok" or an error}: what worked, and how the others ended."""
    counts = collections.Counter(one for one in outcomes.values() if one != "ok")
    return [name for name, one in outcomes.items() if one == "ok"], ", ".join(f"{one} ×{count}" for one, count in counts.items())


def statuses(pattern="/proc/[0-9]*/task/[0-9]*/status"):
    """Of each thread that can be seen, its status as a dictionary, by path."""
    import glob

    found = {}
    for path in glob.glob(pattern):
        try:
            with open(path) as file:
                found[path] = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        except OSError:
            continue
    return found


def unveil(veiled):
    """A secret as it is; in what is given it is veiled, so that looking for it does not find the question."""
    return bytes(one ^ 0x55 for one in bytes.fromhex(veiled))
