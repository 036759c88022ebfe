"""Commands of a room: started for the host, with pipes or on a terminal, fed, signalled, and reported until they end."""

import contextlib
import fcntl
import os
import selectors
import signal
import struct
import subprocess
import termios

from .files import HOME, Refused, resolve

MAX_PROCESSES = 64
MAX_WAITING_INPUT = 4 * 1024 * 1024
PIPE_READ = 64 * 1024
SIGNALS = {"SIGNAL_SIGTERM": signal.SIGTERM, "SIGNAL_SIGKILL": signal.SIGKILL}


def tell_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        # There is nobody.
        pass


class Processes:
    def __init__(self, agent):
        self.agent = agent
        self.by_pid = {}

    def operations(self):
        return {
            "startProcess": self.start,
            "sendInput": self.send_input,
            "closeInput": self.close_input,
            "resizeProcess": self.resize,
            "signalProcess": self.signal,
            "stopAll": self.stop_all,
            "continueAll": self.continue_all,
        }

    def stop_all(self, _header, _body):
        """Everybody but us, at one instant: a fork under way ends before it or begins again after it, so nobody escapes."""
        tell_all(signal.SIGSTOP)
        return {}, b""

    def continue_all(self, _header, _body):
        tell_all(signal.SIGCONT)

    def start(self, header, _body):
        if len(self.by_pid) >= MAX_PROCESSES:
            raise Refused("resource_exhausted", f"a sandbox may run {MAX_PROCESSES} commands at once")
        cwd = resolve(header["cwd"] or HOME)
        if not os.path.isdir(cwd):
            raise Refused("invalid_argument", f"cwd '{cwd}' does not exist")
        how = {
            "args": [header["cmd"], *header["args"]], "cwd": cwd, "env": {**os.environ, **header["environment"]},
            "start_new_session": True,
        }
        start = start_piped if header["terminal"] is None else start_on_terminal
        process = Process(self.agent, header["id"], *start(header, how))
        self.by_pid[process.child.pid] = process

    def find(self, header):
        found = self.by_pid.get(header["pid"])
        if found is None:
            raise Refused("not_found", f"process with pid {header['pid']} not found")
        return found

    def send_input(self, header, body):
        self.find(header).feed(body)
        return {}, b""

    def close_input(self, header, _body):
        self.find(header).close_input()
        return {}, b""

    def resize(self, header, _body):
        found = self.find(header)
        if not found.is_terminal:
            raise Refused("failed_precondition", "the process has no terminal")
        resize(found.input, header)
        return {}, b""

    def signal(self, header, _body):
        """The whole group, so that no helper of a command outlives it."""
        number = SIGNALS.get(header["signal"])
        if number is None:
            raise Refused("invalid_argument", "only SIGNAL_SIGTERM and SIGNAL_SIGKILL can be sent")
        os.killpg(self.find(header).child.pid, number)
        return {}, b""

    def ended(self, pid, status):
        found = self.by_pid.pop(pid, None)
        if found is not None:
            found.ended(status)


def start_piped(header, how):
    """The child, its outputs by the names of their events, and its input."""
    child = subprocess.Popen(
        **how, stdin=subprocess.PIPE if header["stdin"] else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    return child, {child.stdout: "stdout", child.stderr: "stderr"}, child.stdin


def start_on_terminal(header, how):
    """The same for a child whose session has a terminal of its own, and no other output or input."""
    master, slave = os.openpty()
    with contextlib.ExitStack() as opened:
        # The selector takes a descriptor once, and reads one while it writes the other.
        output, terminal, entrance = (
            opened.enter_context(open(one, mode, buffering=0))
            for one, mode in ((master, "rb"), (slave, "rb"), (os.dup(master), "wb"))
        )
        resize(output, header["terminal"])
        child = subprocess.Popen(
            **how, stdin=terminal, stdout=terminal, stderr=terminal,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        opened.pop_all()
    terminal.close()
    return child, {output: "pty"}, entrance


def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["cols"], 0, 0))


class Process:
    def __init__(self, agent, request, child, outputs, entrance):
        self.agent = agent
        self.request = request
        self.child = child
        self.pipes = outputs
        self.input = entrance
        self.is_terminal = "pty" in outputs.values()
        self.waiting = bytearray()
        self.closes_input = False
        self.agent.send({"kind": "event", "id": request, "event": "start", "more": False}, str(child.pid).encode())
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)
            agent.watch(pipe, lambda one=pipe: self.on_pipe(one))
        if self.input is not None:
            os.set_blocking(self.input.fileno(), False)

    def on_pipe(self, pipe):
        try:
            data = os.read(pipe.fileno(), PIPE_READ)
        except BlockingIOError:
            return False
        except OSError:
            # Nobody has the terminal any more.
            data = b""
        if not data:
            self.drop(pipe)
            return False
        self.agent.send({"kind": "event", "id": self.request, "event": self.pipes[pipe], "more": False}, data)
        return True

    def drop(self, pipe):
        if pipe in self.agent.sources:
            self.agent.unwatch(pipe)
            pipe.close()

    def feed(self, data):
        if self.input is None or self.closes_input:
            raise Refused("failed_precondition", "the input of the process is not open")
        if len(self.waiting) + len(data) > MAX_WAITING_INPUT:
            raise Refused("resource_exhausted", "the process does not read its input")
        if not self.waiting:
            self.agent.selector.register(self.input, selectors.EVENT_WRITE, lambda _mask: self.on_writable())
        self.waiting += data

    def on_writable(self):
        try:
            sent = os.write(self.input.fileno(), self.waiting)
            del self.waiting[:sent]
        except BlockingIOError:
            return
        except OSError:
            self.waiting.clear()
        if not self.waiting:
            self.agent.selector.unregister(self.input)
            if self.closes_input:
                self.input.close()

    def close_input(self):
        if self.is_terminal:
            raise Refused("failed_precondition", "a terminal has no end; send Ctrl+D (0x04) instead")
        if self.input is None or self.closes_input:
            return
        self.closes_input = True
        if not self.waiting:
            self.input.close()

    def ended(self, status):
        for pipe in list(self.pipes):
            rounds = 64
            while rounds and pipe in self.agent.sources and self.on_pipe(pipe):
                rounds -= 1
            self.drop(pipe)
        if self.waiting:
            self.agent.selector.unregister(self.input)
        if self.input is not None and not self.input.closed:
            self.input.close()
        self.child.returncode = 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.agent.send({"kind": "reply", "id": self.request, "value": {"exitCode": code, "signal": number}})
