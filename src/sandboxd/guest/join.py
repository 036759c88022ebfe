"""One room from outside: starts bubblewrap, enters what it made, and leaves an agent there that may do nothing more.

The first frame of the connection says how bubblewrap is to be called; the answer names process 1 of the room. From then
on the connection is the agent's, and this process only waits: when either end of it is gone, so is the room."""

import ctypes
import json
import os
import select
import signal
import time

from . import agent, frames
from .share import share

CHUNK = 64 * 1024
# The room's files get descriptors from here on; our own are far below.
FIRST_FD = 100
HOLDER = "/bin/cat"

CLONE_NEW = 0x02000000 | 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
FILTER_LINE = 8
FILTER_SECONDS = 5
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def main(connection):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    wanted, program = first_frame(connection)
    try:
        room = Room(connection, wanted, program)
        child = os.fork()
    except Exception as error:
        answer = {"kind": "fail", "id": wanted["id"], "code": "unavailable", "message": f"{type(error).__name__}: {error}"[:2000]}
        connection.sendall(frames.encode_frame(answer))
        os._exit(1)
    if child == 0:
        room.become_agent()
    told = {"pid": room.pid, "agent": child}
    connection.sendall(frames.encode_frame({"kind": "reply", "id": wanted["id"], "value": told}))
    room.wait(child)
    os._exit(0)


def first_frame(connection):
    reader = frames.FrameReader()
    while True:
        data = connection.recv(CHUNK)
        if not data:
            os._exit(0)
        for header, body in reader.push(data):
            return header, body


class Room:
    def __init__(self, connection, wanted, program):
        self.connection = connection
        self.program = program
        # Held open: bubblewrap's child ends when nobody holds the other end any more.
        holder_in, self.holder = os.pipe()
        ready, holder_out = os.pipe()
        status, status_out = os.pipe()
        complaint, complaint_out = os.pipe()
        if wanted["cgroup"]:
            # All that comes of this process belongs to the room.
            with open(wanted["cgroup"], "w") as procs:
                procs.write(str(os.getpid()))
        self.bwrap = start(wanted, program, {0: holder_in, 1: holder_out, 2: complaint_out, wanted["statusFd"]: status_out})
        for one in (holder_in, holder_out, status_out, complaint_out):
            os.close(one)
        os.write(self.holder, b".")
        if os.read(ready, 1) != b".":
            said = os.read(complaint, 4096).decode("utf-8", "replace").strip()
            raise RuntimeError(said or "bubblewrap ended before the room was ready")
        self.pid = json.loads(os.read(status, 4096).split(b"\n")[0])["child-pid"]
        for one in (ready, status, complaint):
            os.close(one)
        await_filter(self.pid)
        enter(self.pid)
        share()

    def become_agent(self):
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir("/")
            os.setsid()
            null = os.open("/dev/null", os.O_RDWR)
            host = os.dup2(self.connection.fileno(), FIRST_FD)
            for number, source in ((0, null), (1, null), (2, null), (agent.HOST_FD, host)):
                os.dup2(source, number)
            self.connection.detach()
            os.closerange(agent.HOST_FD + 1, 4096)
            give_up_power()
            lay_filter(self.program)
            agent.main()
        finally:
            os._exit(70)

    def wait(self, child):
        """Ends when the agent has ended, when sandboxd is gone, or when bubblewrap is."""
        watched = select.poll()
        watched.register(self.connection, select.POLLRDHUP)
        for pid in (child, self.bwrap):
            watched.register(os.pidfd_open(pid), select.POLLIN)
        watched.poll()
        # Process 1 takes everything in the room with it; bubblewrap ends when it has reaped it.
        try:
            os.kill(self.pid, signal.SIGKILL)
        except OSError:
            pass
        os.close(self.holder)
        # The room is empty only when its agent, a child of ours, has been seen off.
        os.waitpid(child, 0)
        os.waitpid(self.bwrap, 0)


def start(wanted, program, descriptors):
    """bubblewrap with these descriptors, and those of the room's files after FIRST_FD; returns its pid."""
    arguments = held("\0".join([*wanted["args"], ""]).encode())
    seccomp = held(program)
    opened = [os.open(path, os.O_RDONLY) for path in wanted["files"]]
    descriptors = {**descriptors, wanted["argumentsFd"]: arguments, wanted["seccompFd"]: seccomp}
    descriptors.update({FIRST_FD + place: fd for place, fd in enumerate(opened)})
    actions = [(os.POSIX_SPAWN_DUP2, source, number) for number, source in descriptors.items()]
    command = [wanted["bwrap"], "--args", str(wanted["argumentsFd"]), "--", HOLDER]
    pid = os.posix_spawn(command[0], command, {}, file_actions=actions)
    for one in (arguments, seccomp, *opened):
        os.close(one)
    return pid


def held(content):
    """A descriptor from which this can be read."""
    descriptor = os.memfd_create("held", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def await_filter(pid):
    """bubblewrap's own process 1 takes the filter only when it has started its child."""
    end = time.monotonic() + FILTER_SECONDS
    while time.monotonic() < end:
        with open(f"/proc/{pid}/status") as file:
            if "\nSeccomp:\t2\n" in file.read():
                return
        time.sleep(0.0005)
    raise RuntimeError("process 1 of the room has no system-call filter (seccomp)")


def enter(pid):
    target = os.pidfd_open(pid)
    if libc.setns(target, CLONE_NEW) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the room cannot be entered: {os.strerror(number)}")
    os.close(target)


def give_up_power():
    """No capability is left, and none can be had again."""
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def lay_filter(code):
    """The same filter as bubblewrap's, on this process and all that come of it."""
    lines = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // FILTER_LINE, ctypes.addressof(lines))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the system-call filter was not taken")
