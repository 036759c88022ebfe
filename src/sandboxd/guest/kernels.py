"""The agent's side of the kernels: one process a context, forked from the agent, driven over a packet socket.

A kernel runs the user's code and is not trusted: its packets are bounded and passed on, never interpreted here."""

import os
import signal
import socket
import sys

from . import frames, kernel
from .files import HOME, Refused, resolve

MAX_KERNELS = 16
LINK_FD = 3
PIPE_READ = 64 * 1024
# What a dead kernel's link may still hold is bounded by its socket's buffer.
MAX_LAST_PACKETS = 1_000
# A kernel that is free takes a cell in milliseconds.
TELL_SECONDS = 5
# What a kernel may say; everything else is dropped.
EVENTS = ("stdout", "stderr", "result", "error", "count")


class Kernels:
    def __init__(self, agent):
        self.agent = agent
        self.by_context = {}

    def operations(self):
        return {
            "createContext": self.create,
            "removeContext": self.remove,
            "run": self.run,
            "interrupt": self.interrupt,
            "killKernel": self.kill,
            "setEnvironment": self.set_environment,
            "preload": self.preload,
        }

    def create(self, header, _body):
        if len(self.by_context) >= MAX_KERNELS:
            raise Refused("resource_exhausted", f"a sandbox may have {MAX_KERNELS} contexts")
        cwd = resolve(header.get("cwd") or HOME)
        if not os.path.isdir(cwd):
            raise Refused("invalid_argument", f"cwd '{cwd}' does not exist")
        self.by_context[header["context"]] = Kernel(self.agent, cwd)
        return {"cwd": cwd}, b""

    def find(self, header):
        found = self.by_context.get(header["context"])
        if found is None:
            raise Refused("not_found", "the context does not exist")
        return found

    def remove(self, header, _body):
        self.find(header).kill()
        del self.by_context[header["context"]]
        return {}, b""

    def run(self, header, body):
        one = self.find(header)
        if one.request is not None:
            raise Refused("failed_precondition", "the context is busy")
        one.start(header["id"], {"op": "run", "environment": header["environment"]}, body)

    def preload(self, header, body):
        """Imports modules ahead of need; answered when that is done or was overtaken by a run."""
        one = self.find(header)
        one.preloads.append(header["id"])
        one.tell({"op": "preload", "modules": header["modules"]}, body)

    def interrupt(self, header, _body):
        self.find(header).signal(signal.SIGINT)
        return {}, b""

    def kill(self, header, _body):
        self.find(header).kill()
        return {}, b""

    def set_environment(self, header, _body):
        os.environ.update(header["values"])
        for one in self.by_context.values():
            one.tell({"op": "environment", "values": header["values"]})
        return {}, b""

    def ended(self, pid, status):
        for one in list(self.by_context.values()):
            if one.pid == pid:
                one.ended(status)


class Kernel:
    """One process with its pipes; a dead one is replaced at the next run."""

    def __init__(self, agent, cwd):
        self.agent = agent
        self.cwd = cwd
        self.pid = None
        self.is_killed = False
        self.request = None
        self.preloads = []
        self.fork()

    def fork(self):
        self.link, link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.stdout, stdout = pipe()
        self.stderr, stderr = pipe()
        try:
            self.pid = os.fork()
        except OSError:
            for one in (self.link, self.stdout, self.stderr):
                one.close()
            raise
        else:
            if self.pid == 0:
                become_kernel(link, stdout, stderr, self.cwd)
        finally:
            for theirs in (link, stdout, stderr):
                theirs.close()
        self.link.setblocking(False)
        self.agent.watch(self.link, self.on_link)
        for one, name in ((self.stdout, "stdout"), (self.stderr, "stderr")):
            self.agent.watch(one, lambda source=one, stream=name: self.on_pipe(source, stream))

    def start(self, request, header, body):
        if self.pid is not None and (self.is_killed or self.link.fileno() < 0):
            # It is about to be gone, or hears nothing any more.
            self.kill()
            self.ended(os.waitpid(self.pid, 0)[1])
        if self.pid is None:
            self.fork()
        self.request = request
        self.tell(header, body)

    def tell(self, header, body=b""):
        if self.pid is None or self.link.fileno() < 0:
            return
        self.link.settimeout(TELL_SECONDS)
        try:
            frames.send_packet(self.link, header, body)
        except OSError:
            # It is dead, or does not listen although it said that it had finished.
            self.kill()
        finally:
            self.link.settimeout(0)

    def event(self, header, body):
        if self.request is not None:
            self.agent.send({**header, "kind": "event", "id": self.request}, body)

    def on_link(self):
        """False when there is nothing more to read."""
        try:
            packet = frames.receive_packet(self.link)
        except BlockingIOError:
            return False
        except (OSError, frames.ProtocolError):
            self.kill()
            return False
        if packet is None:
            self.close_source(self.link)
            return False
        self.obey(*packet)
        return True

    def close_source(self, source):
        if source in self.agent.sources:
            self.agent.unwatch(source)
            source.close()

    def obey(self, header, body):
        if header.get("event") in EVENTS:
            # What commands wrote into the pipes came before what Python says now.
            self.drain()
            self.event({"event": header["event"], "more": header.get("more") is True}, body)
        elif header.get("event") == "done":
            self.finish({})
        elif header.get("event") == "preloaded":
            self.preloaded()

    def preloaded(self):
        for request in self.preloads:
            self.agent.send({"kind": "reply", "id": request, "value": {}})
        self.preloads = []

    def on_pipe(self, source, name):
        """Bytes that were written past Python: by a subprocess or a C library."""
        try:
            data = os.read(source.fileno(), PIPE_READ)
        except BlockingIOError:
            return False
        if not data:
            self.close_source(source)
            return False
        self.event({"event": name, "more": False}, data)
        return True

    def finish(self, value):
        if self.request is None:
            return
        self.drain()
        request, self.request = self.request, None
        self.agent.send({"kind": "reply", "id": request, "value": value})

    def drain(self):
        for source, name in ((self.stdout, "stdout"), (self.stderr, "stderr")):
            rounds = 16
            while rounds and source in self.agent.sources and self.on_pipe(source, name):
                rounds -= 1

    def signal(self, number):
        if self.pid is not None and self.request is not None:
            try:
                os.killpg(self.pid, number)
            except OSError:
                pass

    def kill(self):
        if self.pid is not None:
            self.is_killed = True
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except OSError:
                os.kill(self.pid, signal.SIGKILL)

    def ended(self, status):
        """The process is gone: whoever waits for a run hears how it died."""
        self.pid = None
        self.is_killed = False
        # A child that it left behind may keep the link open for ever.
        rounds = MAX_LAST_PACKETS
        while rounds and self.link in self.agent.sources and self.on_link():
            rounds -= 1
        self.close_source(self.link)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        self.preloaded()
        self.finish({"died": {"signal": number, "exitCode": exit_code}})
        self.close_source(self.stdout)
        self.close_source(self.stderr)


def pipe():
    """Both ends as objects: the number of a closed descriptor may soon belong to another kernel."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    return open(reading, "rb", buffering=0), open(writing, "wb", buffering=0)


def become_kernel(link, stdout, stderr, cwd):
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        # Above the numbers that they will get, so that no dup2 closes one that is still needed.
        sources = [os.dup(one) for one in (null, stdout.fileno(), stderr.fileno(), link.fileno())]
        spare = [os.dup(one) for one in sources]
        for number, source in enumerate(spare):
            os.dup2(source, number, inheritable=number < LINK_FD)
        os.closerange(LINK_FD + 1, 1024)
        reseed()
        kernel.main(socket.socket(fileno=LINK_FD), cwd)
    finally:
        os._exit(70)


def reseed():
    """A fork would draw the same random numbers as every other one; Python's own generator knows that."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
