"""Process 1 of a room: answers the host's requests on file descriptor 3, keeps the kernels and the files.

One thread, one selector. It runs no code of the user; what it hears from a kernel it bounds and passes on."""

import ctypes
import errno
import os
import resource
import selectors
import signal
import socket
import sys

from . import files, forwarder, frames, kernels, processes, seals, watches

HOST_FD = 3
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
# Above this the kernels' pipes are not read until the host has caught up.
MAX_OUTGOING = 4 * 1024 * 1024

NICE = 5

LIMITS = {
    "data": resource.RLIMIT_DATA,
    "processes": resource.RLIMIT_NPROC,
    "fileSize": resource.RLIMIT_FSIZE,
    "openFiles": resource.RLIMIT_NOFILE,
    "core": resource.RLIMIT_CORE,
    "cpu": resource.RLIMIT_CPU,
}


class Agent:
    def __init__(self):
        self.host = socket.socket(fileno=HOST_FD)
        self.host.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.reader = frames.FrameReader()
        self.inbox = memoryview(bytearray(frames.MAX_BODY))
        self.outgoing = bytearray()
        self.sources = {}
        self.paused = False
        self.files = files.Files()
        self.kernels = kernels.Kernels(self)
        self.processes = processes.Processes(self)
        self.watches = watches.Watches(self)
        self.forwarder = forwarder.Forwarder(self)
        self.operations = {
            "configure": self.configure,
            **self.files.operations(),
            **self.kernels.operations(),
            **self.processes.operations(),
            **self.watches.operations(),
            **self.forwarder.operations(),
        }

    def run(self):
        self.selector.register(self.host, selectors.EVENT_READ, self.on_host)
        while True:
            for key, mask in self.selector.select():
                # One callback may end the source of the next.
                now = self.selector.get_map().get(key.fd)
                if now is not None and now.data == key.data:
                    key.data(mask)
            self.reap()

    def watch(self, source, callback):
        """Calls back when `source` can be read, as long as the host keeps up."""
        self.sources[source] = callback
        if not self.paused:
            self.selector.register(source, selectors.EVENT_READ, lambda _mask, call=callback: call())

    def unwatch(self, source):
        del self.sources[source]
        if not self.paused:
            self.selector.unregister(source)

    def pace(self):
        """What comes out of the kernels waits while the host is behind."""
        if not self.paused and len(self.outgoing) > MAX_OUTGOING:
            for source in self.sources:
                self.selector.unregister(source)
            self.paused = True
        elif self.paused and len(self.outgoing) < MAX_OUTGOING // 2:
            self.paused = False
            for source, callback in self.sources.items():
                self.selector.register(source, selectors.EVENT_READ, lambda _mask, call=callback: call())

    def send(self, header, body=b""):
        self.outgoing += frames.encode_frame(header, body)
        self.flush()

    def flush(self):
        try:
            sent = self.host.send(self.outgoing)
            del self.outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            # At the limit of its memory the room's next try may succeed: whoever took it is being killed.
            if error.errno not in (errno.ENOMEM, errno.ENOBUFS):
                os._exit(0)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)
        self.selector.modify(self.host, events, self.on_host)
        self.pace()

    def on_host(self, mask):
        if mask & selectors.EVENT_WRITE:
            self.flush()
        if not mask & selectors.EVENT_READ:
            return
        length = self.host.recv_into(self.inbox)
        if not length:
            os._exit(0)
        for header, body in self.reader.push(self.inbox[:length]):
            self.answer(header, body)

    def answer(self, header, body):
        """Unary operations return (value, body); streaming ones return None and reply by themselves."""
        try:
            outcome = self.operations[header["op"]](header, body)
            if outcome is not None:
                self.send({"kind": "reply", "id": header["id"], "value": outcome[0]}, outcome[1])
        except files.Refused as refused:
            self.fail(header["id"], refused.code, str(refused))
        except OSError as error:
            self.fail(header["id"], *files.explain(error))
        except Exception as error:
            # One request that goes wrong must not end the room.
            self.fail(header["id"], "internal", f"{type(error).__name__}: {error}")

    def fail(self, request, code, message):
        self.send({"kind": "fail", "id": request, "code": code, "message": message[:2000]})

    def configure(self, header, _body):
        seals.check(header["filters"])
        for name, kind in LIMITS.items():
            wanted = header["limits"][name]
            resource.setrlimit(kind, (wanted, wanted))
            if resource.getrlimit(kind) != (wanted, wanted):
                raise files.Refused("limits", f"the limit {name} could not be set to {wanted}")
        os.environ.update(header["environment"])
        return {"python": sys.version.split()[0], "pid": os.getpid()}, b""

    def reap(self):
        """As process 1 it inherits every orphan."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.kernels.ended(pid, status)
            self.processes.ended(pid, status)


def main():
    # SIGCHLD must wake the selector, so that orphans are reaped.
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    os.umask(0o022)
    # Whoever keeps order outside comes first, however many there are in here.
    os.nice(NICE)
    agent = Agent()
    agent.selector.register(wake_read, selectors.EVENT_READ, lambda _mask: os.read(wake_read, 4096))
    agent.run()


if __name__ == "__main__":
    main()
