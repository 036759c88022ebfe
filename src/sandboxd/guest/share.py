"""What the kernel counts by user is counted for all rooms and for the person who started them together: one room gets a part.

As a program (`-m sandpiper.share PID`) it gives that part to a room from outside, by the namespace of its process 1."""

import ctypes
import os
import sys

# Of the 128 instances and the tens of thousands of watches that a user has on most machines; and of namespaces, where a room
# may make any, as many as a browser with some dozens of pages needs.
PARTS = {
    "max_inotify_instances": 16,
    "max_inotify_watches": 4096,
    "max_user_namespaces": 64,
    "max_pid_namespaces": 64,
    "max_net_namespaces": 64,
}

CLONE_NEWUSER = 0x10000000

libc = ctypes.CDLL(None, use_errno=True)


def share():
    """In the user namespace of whoever calls."""
    for name, number in PARTS.items():
        try:
            with open(f"/proc/sys/user/{name}") as switch:
                lowest = min(number, int(switch.read()))
            with open(f"/proc/sys/user/{name}", "w") as switch:
                switch.write(str(lowest))
        except OSError:
            # A kernel that does not count it by namespace.
            continue


def main(pid):
    target = os.pidfd_open(pid)
    if libc.setns(target, CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the room's users cannot be entered: {os.strerror(number)}")
    share()


if __name__ == "__main__":
    main(int(sys.argv[1]))
